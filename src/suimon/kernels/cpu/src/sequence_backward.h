// The backward pass of the cells of sequence_forward.h.
//
// Included only by sequence_loops.cpp, which is compiled once for each instruction set.
#pragma once

#include "sequence_parts.h"

namespace suimon::SUIMON_ISA {
namespace {

// Where the gradient of h stands that time carries, of one block and row. Rows are kPanelWidth apart.
SUIMON_INLINE float* carried_h(const Backward& work, std::int64_t block, std::int64_t row) {
  return work.grad_h + (block / kBlocksPerPanel * work.shape.rows + row) * kPanelWidth +
         block % kBlocksPerPanel * kLanes;
}

SUIMON_INLINE Element* grad_sums_at(const Backward& work, std::int64_t t, std::int64_t row) {
  return work.grad_sums + (t * work.shape.rows + row) * work.sums_stride;
}

// One member's own sums over steps and rows of `count` vectors a block.
SUIMON_INLINE float* own_sums(const Backward& work, const SequenceShare& share, float* sums,
                              std::int64_t block, int count) {
  const std::int64_t blocks = work.shape.units / kUnitsPerBlock;
  return sums + (share.member * blocks + block) * count * kLanes;
}

SUIMON_INLINE void add_to(float* sum, Floats value) { store(sum, load(sum) + value); }

// The gradients of a block's sums, added up over rows: those of its biases. An LSTM's stand in the
// order i f g o, whether or not it has all of them.
struct Total {
  Floats of[4] = {};
};

SUIMON_INLINE void add_to_biases(const Backward& work, const SequenceShare& share,
                                 std::int64_t block, const Total& total) {
  float* to = own_sums(work, share, work.grad_bias, block, work.cell.sums());
  const bool has_forget = work.cell.kind != Kind::lstm || work.cell.forget == Forget::own;
  add_to(to, total.of[0]);
  if (work.cell.kind == Kind::elman) return;
  if (has_forget) add_to(to += kLanes, total.of[1]);
  add_to(to + kLanes, total.of[2]);
  add_to(to + 2 * kLanes, total.of[3]);
}

// What a step's units started from: what the step before carried, or what the sequence began with.
SUIMON_INLINE const float* carried_before(const Backward& work, std::int64_t step,
                                          std::int64_t block) {
  const SequenceShape& shape = work.shape;
  if (step == 0) return work.carry_0 + place(shape, 0, block, 0) * kLanes;
  return work.carry + place(shape, time_of(shape, step - 1), block, 0) * kLanes;
}

// What the output gate of an LSTM's block and row read at a step.
struct Reading {
  Floats c_old;   // what the step started from
  Floats c;       // the new one, before zoneout
  Floats read;    // tanh of it, or of its norm
  Floats grad_c;  // by way of `read`
};

// c before and after a step; `read` and its gradient are still to come.
SUIMON_INLINE Reading cells_of(const Backward& work, std::int64_t step, std::int64_t t,
                               std::int64_t block, std::int64_t row, std::uint8_t mark) {
  const std::int64_t at = place(work.shape, t, block, row);
  const float* kept = work.gates + at * LstmUnits::kKept * kLanes;
  Reading reading{};
  if (mark != kRestart) {
    reading.c_old = load(carried_before(work, step, block) + row * kLanes);
  }
  reading.c = work.keep_c.share == nullptr
                  ? load(work.carry + at * kLanes)  // else that is blended already
                  : load(kept + kLanes) * reading.c_old + load(kept) * load(kept + 2 * kLanes);
  return reading;
}

// One step back of one LSTM block and row; returns what goes on to the c before it.
SUIMON_INLINE Floats lstm_back(const Backward& work, const SequenceShare& share, std::int64_t t,
                               std::int64_t block, std::int64_t row, const Reading& reading,
                               Floats grad_h, Element* grad, Total& total) {
  const SequenceShape& shape = work.shape;
  const float* kept = work.gates + place(shape, t, block, row) * LstmUnits::kKept * kLanes;
  const Floats c_old = reading.c_old, c = reading.c;
  Floats grad_c = load(work.grad_c + (block * shape.rows + row) * kLanes);
  Floats on{};
  if (work.keep_c.share != nullptr) {
    const Floats share_of_old = share_kept(work.keep_c, t, row, block);
    on = share_of_old * grad_c;
    grad_c = (1.0f - share_of_old) * grad_c;
  }
  const auto found = LstmUnits::back(work.cell, kept, peepholes_of(work, block), c_old,
                                     reading.read, grad_h, grad_c + reading.grad_c);
  const int sums = work.cell.sums();
  store(grad, found.i);
  if (work.cell.forget == Forget::own) store(grad + shape.units, found.f);
  store(grad + (sums - 2) * shape.units, found.g);
  store(grad + (sums - 1) * shape.units, found.o);
  total.of[0] += found.i, total.of[1] += found.f, total.of[2] += found.g, total.of[3] += found.o;
  if (work.grad_peephole != nullptr) {
    float* to = own_sums(work, share, work.grad_peephole, block, 3);
    add_to(to, found.i * c_old);
    add_to(to + kLanes, found.f * c_old);
    add_to(to + 2 * kLanes, found.o * c);
  }
  return on + found.c_old;
}

// The gradient of a step's new h, of one block and row: what goes on to the h before it stays in
// grad_h, the rest is returned.
SUIMON_INLINE Floats receive(const Backward& work, std::int64_t t, std::int64_t block,
                             std::int64_t row) {
  const SequenceShape& shape = work.shape;
  float* carried = carried_h(work, block, row);
  const Floats arrived = load(work.grad_output + (t * shape.rows + row) * shape.output +
                              block * kLanes);
  Floats grad = load(carried) + arrived;
  Floats on{};
  if (work.keep_h.share != nullptr) {
    const Floats share_of_old = share_kept(work.keep_h, t, row, block);
    on = share_of_old * grad;
    grad = (1.0f - share_of_old) * grad;
  }
  store(carried, on);
  return grad;
}

void store_zeros(Element* to, int count, std::int64_t apart) {
  for (int n = 0; n < count; ++n) store(to + n * apart, Floats{});
}

// One step back of one block: the gradient of its sums, and of the state that the step started from
// but for what comes by way of the recurrent product.
template <Kind kKind>
void start_step_back(const Backward& work, const SequenceShare& share, std::int64_t step,
                     std::int64_t block) {
  const SequenceShape& shape = work.shape;
  const std::int64_t t = time_of(shape, step);
  Total total;
  for (std::int64_t row = share.row_begin; row < share.row_end; ++row) {
    const std::uint8_t mark = mark_of(work.marks, shape, t, row);
    Element* grad = grad_sums_at(work, t, row) + block * kLanes;
    if (mark == kSkip) {  // what comes from later goes on to what was before
      store_zeros(grad, work.cell.sums(), shape.units);
      continue;
    }
    const std::int64_t at = place(shape, t, block, row);
    const Floats grad_h = receive(work, t, block, row);
    if constexpr (kKind == Kind::elman) {
      const Floats found = ElmanUnits::back(work.cell, load(work.gates + at * kLanes), grad_h);
      store(grad, found);
      total.of[0] += found;
    } else if constexpr (kKind == Kind::gru) {
      const Floats old = mark == kRestart
                             ? Floats{}
                             : load(carried_before(work, step, block) + row * kLanes);
      const auto found =
          GruUnits::back(work.cell, work.gates + at * GruUnits::kKept * kLanes, old, grad_h);
      store(grad, found.n);
      store(grad + shape.units, found.r);
      store(grad + 2 * shape.units, found.z);
      store(grad + 3 * shape.units, found.m);
      total.of[0] += found.n, total.of[1] += found.r, total.of[2] += found.z;
      total.of[3] += found.m;
      float* carried = carried_h(work, block, row);
      store(carried, load(carried) + found.h_old);
    } else {
      Reading reading = cells_of(work, step, t, block, row, mark);
      const Floats o = load(work.gates + (at * LstmUnits::kKept + 3) * kLanes);
      reading.read = tanh(reading.c);
      reading.grad_c = grad_h * o * (1.0f - reading.read * reading.read);
      const Floats on = lstm_back(work, share, t, block, row, reading, grad_h, grad, total);
      store(work.grad_c + (block * shape.rows + row) * kLanes, mark == kRestart ? Floats{} : on);
    }
  }
  add_to_biases(work, share, block, total);
}

// Nothing goes back past a restart.
void drop_restarted(const Backward& work, const SequenceShare& share, std::int64_t t) {
  if (work.marks == nullptr) return;
  for (std::int64_t row = share.row_begin; row < share.row_end; ++row) {
    if (mark_of(work.marks, work.shape, t, row) != kRestart) continue;
    for (std::int64_t block = share.output_begin; block < share.output_end; ++block) {
      store(carried_h(work, block, row), Floats{});
    }
  }
}

// Add to grad_h what came through a mask, `through` (rows, kPanelWidth).
void add_masked(const Backward& work, std::int64_t block, std::int64_t blocks, std::int64_t row,
                std::int64_t rows, const float* through) {
  for (std::int64_t n = 0; n < rows; ++n) {
    const float* mask = work.mask + (row + n) * work.shape.output + block * kLanes;
    float* to = carried_h(work, block, row + n);
    for (std::int64_t at = 0; at < blocks * kLanes; at += kLanes) {
      store(to + at, load(to + at) + load(through + n * kPanelWidth + at) * load(mask + at));
    }
  }
}

// A matrix product's part in a step back: g (rows, depth) times a matrix packed by pack_for_state.
struct FactorBack {
  const Element* grad;     // of the share's first row
  std::int64_t stride;     // of its rows
  const Element* panels;
  std::int64_t depth;
  bool backwards = false;  // whether the panels are taken from the last to the first
};

Panel<Element> panel_of(const FactorBack& factor, std::int64_t block, std::int64_t blocks) {
  return {factor.panels + block * kUnitsPerBlock * factor.depth, static_cast<int>(blocks),
          factor.depth};
}

// Add to grad_h, for the units of this share, what comes by way of the recurrent product.
void product_back(const Backward& work, const SequenceShare& share, const FactorBack& factor,
                  Tiles& tiles) {
  alignas(64) float through[kRowsTogether * kPanelWidth];
  bool backwards = factor.backwards;
  for_rows(share, [&](std::int64_t row, std::int64_t rows) {
    const Element* grad = factor.grad + row * factor.stride;
    if (work.mask != nullptr) {
      for_panels(share.output_begin, share.output_end, [&](std::int64_t block, std::int64_t count) {
        product<Into::fresh>(tiles, rows, factor.depth, grad, factor.stride,
                             panel_of(factor, block, count), 0, through, kPanelWidth);
        add_masked(work, block, count, row, rows, through);
      });
      return;
    }
    for_parts(0, factor.depth, kDepthTogether, backwards, [&](std::int64_t k, std::int64_t K) {
      const auto take = [&](std::int64_t block, std::int64_t count) {
        Panel<Element> panel = panel_of(factor, block, count);
        const std::int64_t a_block = kUnitsPerBlock * factor.depth;
        const std::int64_t next =
            next_to_fetch(share.output_begin, share.output_end, block, kBlocksPerPanel, backwards,
                          a_block * static_cast<std::int64_t>(sizeof(Element)));
        if (next >= 0) panel.ahead = factor.panels + next * a_block + k * kPanelWidth;
        product<Into::sum>(tiles, rows, K, grad + k, factor.stride, panel, k,
                           carried_h(work, block, row), kPanelWidth);
      };
      for_parts(share.output_begin, share.output_end, kBlocksPerPanel, backwards, take);
    });
    backwards = !backwards;
  });
}

template <Kind kKind>
void run_steps_back(const Backward& work, const SequenceShare& share) {
  const SequenceShape& shape = work.shape;
  Tiles tiles;
  for (std::int64_t step = shape.steps; step-- > 0;) {
    const std::int64_t t = time_of(shape, step);
    for (std::int64_t block = share.block_begin; block < share.block_end; ++block) {
      start_step_back<kKind>(work, share, step, block);
    }
    meet(share);
    const FactorBack factor{grad_sums_at(work, t, 0) + work.cell.first_from_h() * shape.units,
                            work.sums_stride, work.panels_back, work.cell.gates() * shape.units,
                            step % 2 != 0};
    product_back(work, share, factor, tiles);
    drop_restarted(work, share, t);
  }
}

}  // namespace
}  // namespace suimon::SUIMON_ISA
