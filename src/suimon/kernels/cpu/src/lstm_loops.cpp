// The LSTM's loops over time. CMake compiles this file once for each instruction set, with
// SUIMON_ISA set to the namespace it fills and SUIMON_ELEMENT to the type of its products.
//
// It calls no inline function of the standard library, see linear_recurrence_loops.cpp.
#include "lstm.h"

#include <new>

#include "products.h"

namespace suimon::SUIMON_ISA {
namespace {

using Element = SUIMON_ELEMENT;

constexpr std::int64_t kGates = 4;
constexpr std::int64_t kWidth = kGates * kUnitsPerBlock;                   // gates of one block
constexpr std::int64_t kPanelWidth = kBlocksPerPanel * kUnitsPerBlock;     // units of one panel

// Rows that are worked on together: their sums stay in the first level of cache.
constexpr std::int64_t kRowsTogether = 32;

// Depth of one pass of the backward product, so that its rows of A stay there too.
constexpr std::int64_t kDepthTogether = 512;

// Bytes of gates beyond which they are gone from the caches before backward reads them, and are
// better written past them.
constexpr std::int64_t kTooLargeToKeep = 1 << 20;

std::int64_t time_of(const LstmShape& shape, std::int64_t step) {
  return shape.reverse ? shape.steps - 1 - step : step;
}

std::uint8_t mark_of(const std::uint8_t* marks, const LstmShape& shape, std::int64_t t,
                     std::int64_t row) {
  return marks == nullptr ? 0 : marks[t * shape.rows + row];
}

// Row `row` of a block in an array (T, U/16, B, …), in rows.
std::int64_t place(const LstmShape& shape, std::int64_t t, std::int64_t block, std::int64_t row) {
  return (t * (shape.units / kUnitsPerBlock) + block) * shape.rows + row;
}

// What becomes of the gates and of c at each step: backward needs them, and so does a trace.
enum class History { none, kept, streamed };

template <History kHistory>
void record(float* to, Floats value) {
  kHistory == History::streamed ? stream(to, value) : store(to, value);
}

// One step of some rows of one block: the products stand in z, what is left is each unit's own.
template <History kHistory>
void finish_step(const LstmForward<Element>& work, std::int64_t step, std::int64_t block,
                 std::int64_t row_begin, std::int64_t row_end, const float* z) {
  const LstmShape& shape = work.shape;
  const std::int64_t t = time_of(shape, step);
  const bool last = step + 1 == shape.steps;
  const std::int64_t next = last ? t : time_of(shape, step + 1);
  const float* bias = work.bias + block * kWidth;
  for (std::int64_t row = row_begin; row < row_end; ++row, z += kWidth) {
    const std::int64_t at = place(shape, t, block, row);
    const std::uint8_t mark = mark_of(work.marks, shape, t, row);
    float* carried = work.c_n + (block * shape.rows + row) * kLanes;
    Element* output = work.output + (t * shape.rows + row) * shape.units + block * kLanes;
    Floats gates[kGates] = {};
    Floats c = load(carried);
    Floats h;
    if (mark == kSkip) {
      h = load(work.h_before + (t * shape.rows + row) * shape.hidden + block * kLanes);
      store(output, Floats{});
    } else {
      const Floats i = sigmoid(load(z) + load(bias));
      const Floats f = sigmoid(load(z + kLanes) + load(bias + kLanes));
      const Floats g = tanh(load(z + 2 * kLanes) + load(bias + 2 * kLanes));
      const Floats o = sigmoid(load(z + 3 * kLanes) + load(bias + 3 * kLanes));
      c = (mark == kRestart ? Floats{} : f * c) + i * g;
      h = o * tanh(c);
      gates[0] = i, gates[1] = f, gates[2] = g, gates[3] = o;
      store(carried, c);
      store(output, h);
    }
    if constexpr (kHistory != History::none) {
      float* kept = work.gates + at * kWidth;
      for (std::int64_t gate = 0; gate < kGates; ++gate) {
        record<kHistory>(kept + gate * kLanes, gates[gate]);
      }
      record<kHistory>(work.c + at * kLanes, c);
    }
    if (last) {
      store(work.h_n + (block * shape.rows + row) * kLanes, h);
    } else {
      const bool restarts = mark_of(work.marks, shape, next, row) == kRestart;
      store(work.h_before + (next * shape.rows + row) * shape.hidden + block * kLanes,
            restarts ? Floats{} : h);
    }
  }
}

// The c that a step started from: that of the step before, or what the sequence began with.
const float* c_before(const float* c, const float* c_0, const LstmShape& shape, std::int64_t step,
                      std::int64_t block) {
  if (step == 0) return c_0 + place(shape, 0, block, 0) * kLanes;
  return c + place(shape, time_of(shape, step - 1), block, 0) * kLanes;
}

// One step back of one block: the gradient of its gates, and of the c that the step started from.
void start_step_back(const LstmBackward<Element>& work, const LstmShare& share, std::int64_t step,
                     std::int64_t block) {
  const LstmShape& shape = work.shape;
  const std::int64_t t = time_of(shape, step);
  const float* c_old_block = c_before(work.c, work.c_0, shape, step, block);
  float* grad_h_block = work.grad_h + block / kBlocksPerPanel * shape.rows * kPanelWidth +
                        block % kBlocksPerPanel * kLanes;
  for (std::int64_t row = share.row_begin; row < share.row_end; ++row) {
    const std::uint8_t mark = mark_of(work.marks, shape, t, row);
    Element* grad = work.grad_gates + (t * shape.rows + row) * work.gates_stride + block * kWidth;
    if (mark == kSkip) {
      for (std::int64_t gate = 0; gate < kGates; ++gate) store(grad + gate * kLanes, Floats{});
      continue;  // what comes from later goes on to what was before
    }
    const std::int64_t at = place(shape, t, block, row);
    const float* z = work.gates + at * kWidth;
    float* carried_h = grad_h_block + row * kPanelWidth;
    float* carried_c = work.grad_c + (block * shape.rows + row) * kLanes;
    const Floats i = load(z);
    const Floats f = load(z + kLanes);
    const Floats g = load(z + 2 * kLanes);
    const Floats o = load(z + 3 * kLanes);
    const Floats read = tanh(load(work.c + at * kLanes));
    const Floats c_old = mark == kRestart ? Floats{} : load(c_old_block + row * kLanes);
    const Floats grad_h =
        load(carried_h) +
        load(work.grad_output + (t * shape.rows + row) * shape.units + block * kLanes);
    const Floats grad_c = load(carried_c) + grad_h * o * (1.0f - read * read);
    store(grad, grad_c * g * i * (1.0f - i));
    store(grad + kLanes, grad_c * c_old * f * (1.0f - f));
    store(grad + 2 * kLanes, grad_c * i * (1.0f - g * g));
    store(grad + 3 * kLanes, grad_h * read * o * (1.0f - o));
    store(carried_c, mark == kRestart ? Floats{} : grad_c * f);
    store(carried_h, Floats{});  // the product with the gates' gradient is added to it
  }
}

// Nothing goes back past a restart.
void drop_restarted(const LstmBackward<Element>& work, const LstmShare& share, std::int64_t t) {
  const LstmShape& shape = work.shape;
  for (std::int64_t row = share.row_begin; row < share.row_end; ++row) {
    if (mark_of(work.marks, shape, t, row) != kRestart) continue;
    for (std::int64_t block = share.block_begin; block < share.block_end; ++block) {
      store(work.grad_h + (block / kBlocksPerPanel * shape.rows + row) * kPanelWidth +
                block % kBlocksPerPanel * kLanes,
            Floats{});
    }
  }
}

// The part of the gates that comes from x, for some steps at once where a step has few rows: a
// product of one row would read all weights for it.
class Projection {
 public:
  Projection(const LstmForward<Element>& work, const LstmShare& share)
      : work_(work), share_(share), rows_(share.row_end - share.row_begin) {
    const bool all_rows = rows_ == work.shape.rows;  // then the rows of several steps lie together
    steps_ = all_rows && rows_ < kRowsTogether ? kRowsTogether / rows_ : 1;
    if (steps_ > work.shape.steps) steps_ = work.shape.steps;
    if (steps_ > 1) {
      const std::int64_t blocks = share.block_end - share.block_begin;
      const auto size = static_cast<std::size_t>(blocks * steps_ * rows_ * kWidth);
      memory_ = new (std::nothrow) float[size];
    }
  }
  Projection(const Projection&) = delete;
  Projection& operator=(const Projection&) = delete;
  ~Projection() { delete[] memory_; }

  // Whether copy() gives a step's part; else its product is still to be made.
  bool ahead() const { return memory_ != nullptr; }

  // Before each step, in turn.
  void prepare(std::int64_t step, Tiles& tiles) {
    if (!ahead() || step % steps_ != 0) return;
    const LstmShape& shape = work_.shape;
    const std::int64_t left = shape.steps - step;
    const std::int64_t steps = left < steps_ ? left : steps_;
    // Backwards, the first of these steps is the last in memory.
    const std::int64_t t = time_of(shape, shape.reverse ? step + steps - 1 : step);
    for (std::int64_t block = share_.block_begin; block < share_.block_end; ++block) {
      const Panel<Element> ih{work_.panels_ih + block * shape.inputs * kWidth, kGates, shape.inputs};
      product<Into::fresh>(tiles, steps * rows_, shape.inputs, work_.x + t * rows_ * shape.inputs,
                           shape.inputs, ih, 0, of_block(block), kWidth);
    }
    first_ = t;
  }

  // Copy to z (rows, kWidth) the part of a step and block.
  void copy(std::int64_t step, std::int64_t block, float* z) const {
    const std::int64_t place = time_of(work_.shape, step) - first_;
    const float* from = of_block(block) + place * rows_ * kWidth;
    for (std::int64_t n = 0; n < rows_ * kWidth; n += kLanes) store(z + n, load(from + n));
  }

 private:
  float* of_block(std::int64_t block) const {
    return memory_ + (block - share_.block_begin) * steps_ * rows_ * kWidth;
  }

  const LstmForward<Element>& work_;
  const LstmShare& share_;
  const std::int64_t rows_;
  std::int64_t steps_;
  std::int64_t first_ = 0;   // of the steps that are prepared, the earliest in time
  float* memory_ = nullptr;  // (blocks, steps, rows, kWidth)
};

template <History kHistory>
void run_steps(const LstmForward<Element>& work, const LstmShare& share) {
  const LstmShape& shape = work.shape;
  Tiles tiles;
  Projection projection(work, share);
  alignas(64) float z[kRowsTogether * kWidth];
  for (std::int64_t step = 0; step < shape.steps; ++step) {
    const std::int64_t begin = time_of(shape, step) * shape.rows;
    projection.prepare(step, tiles);
    for (std::int64_t block = share.block_begin; block < share.block_end; ++block) {
      const Panel<Element> ih{work.panels_ih + block * shape.inputs * kWidth, kGates, shape.inputs};
      const Panel<Element> hh{work.panels_hh + block * shape.hidden * kWidth, kGates, shape.hidden};
      for (std::int64_t row = share.row_begin; row < share.row_end; row += kRowsTogether) {
        const std::int64_t left = share.row_end - row;
        const std::int64_t rows = left < kRowsTogether ? left : kRowsTogether;
        const Element* x = work.x + (begin + row) * shape.inputs;
        const Element* h = work.h_before + (begin + row) * shape.hidden;
        if (projection.ahead()) {
          projection.copy(step, block, z);
        } else {
          product<Into::fresh>(tiles, rows, shape.inputs, x, shape.inputs, ih, 0, z, kWidth);
        }
        product<Into::sum>(tiles, rows, shape.hidden, h, shape.hidden, hh, 0, z, kWidth);
        finish_step<kHistory>(work, step, block, row, row + rows, z);
      }
    }
    if (share.meeting != nullptr) share.meeting->wait();
  }
  if (kHistory == History::streamed) end_streaming();
}

// The gradient of h before a step from that of the step's gates, for the units of this share.
void product_back(const LstmBackward<Element>& work, const LstmShare& share, std::int64_t t,
                  Tiles& tiles) {
  const LstmShape& shape = work.shape;
  const std::int64_t depth = shape.units * kGates;
  for (std::int64_t row = share.row_begin; row < share.row_end; row += kRowsTogether) {
    const std::int64_t left = share.row_end - row;
    const std::int64_t rows = left < kRowsTogether ? left : kRowsTogether;
    const Element* grad = work.grad_gates + (t * shape.rows + row) * work.gates_stride;
    for (std::int64_t k = 0; k < depth; k += kDepthTogether) {
      const std::int64_t K = depth - k < kDepthTogether ? depth - k : kDepthTogether;
      for (std::int64_t block = share.block_begin; block < share.block_end;
           block += kBlocksPerPanel) {
        const std::int64_t rest = share.block_end - block;
        const Panel<Element> panel{
            work.panels_back + block * kUnitsPerBlock * depth,
            static_cast<int>(rest < kBlocksPerPanel ? rest : kBlocksPerPanel), depth};
        float* grad_h = work.grad_h + (block / kBlocksPerPanel * shape.rows + row) * kPanelWidth;
        product<Into::sum>(tiles, rows, K, grad + k, work.gates_stride, panel, k, grad_h,
                           kPanelWidth);
      }
    }
  }
}

}  // namespace

void loop(const LstmForward<Element>& work, const LstmShare& share) {
  const LstmShape& shape = work.shape;
  const std::int64_t bytes = shape.steps * shape.rows * shape.units * kGates * 4;
  if (work.gates == nullptr) return run_steps<History::none>(work, share);
  if (bytes <= kTooLargeToKeep) return run_steps<History::kept>(work, share);
  run_steps<History::streamed>(work, share);
}

void loop(const LstmBackward<Element>& work, const LstmShare& share) {
  Tiles tiles;
  for (std::int64_t step = work.shape.steps; step-- > 0;) {
    for (std::int64_t block = share.block_begin; block < share.block_end; ++block) {
      start_step_back(work, share, step, block);
    }
    if (share.meeting != nullptr) share.meeting->wait();
    const std::int64_t t = time_of(work.shape, step);
    product_back(work, share, t, tiles);
    if (work.marks != nullptr) drop_restarted(work, share, t);
  }
}

}  // namespace suimon::SUIMON_ISA
