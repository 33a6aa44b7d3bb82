// The backward pass of the cells of phases_forward.h.
//
// Included only by sequence_loops.cpp, which is compiled once for each instruction set.
#pragma once

#include "norms.h"
#include "sequence_backward.h"

namespace suimon::SUIMON_ISA {
namespace {

// Of the gradient of what the output gate gives, of one block and row. Rows are kPanelWidth apart.
float* grad_units_at(const Backward& work, std::int64_t block, std::int64_t row) {
  return work.phases.units + (block / kBlocksPerPanel * work.shape.rows + row) * kPanelWidth +
         block % kBlocksPerPanel * kLanes;
}

// Write over `units`, for the blocks of this share, the product of some gradients with a matrix.
void product_to_units(const Backward& work, const SequenceShare& share, const FactorBack& factor,
                      Tiles& tiles) {
  for_rows(share, [&](std::int64_t row, std::int64_t rows) {
    for_panels(share.block_begin, share.block_end, [&](std::int64_t block, std::int64_t count) {
      product<Into::fresh>(tiles, rows, factor.depth, factor.grad + row * factor.stride,
                           factor.stride, panel_of(factor, block, count), 0,
                           grad_units_at(work, block, row), kPanelWidth);
    });
  });
}

// The gradient of an LSTM's o*read into `units`, by way of the projection where there is one.
void receive_all(const Backward& work, const SequenceShare& share, std::int64_t t, Tiles& tiles) {
  const SequenceShape& shape = work.shape;
  const auto& phases = work.phases;
  const bool projects = phases.panels_hr != nullptr;
  for (std::int64_t block = share.output_begin; block < share.output_end; ++block) {
    for (std::int64_t row = share.row_begin; row < share.row_end; ++row) {
      const bool skips = mark_of(work.marks, shape, t, row) == kSkip;
      const Floats grad = skips ? Floats{} : receive(work, t, block, row);
      if (projects) {
        store(phases.grad_projected + (t * shape.rows + row) * shape.output + block * kLanes, grad);
      } else {
        store(grad_units_at(work, block, row), grad);
      }
    }
  }
  if (!projects) return;
  meet(share);
  product_to_units(work, share,
                   {phases.grad_projected + t * shape.rows * shape.output, shape.output,
                    phases.panels_hr, shape.output},
                   tiles);
}

// The normalised c of one block and row.
SUIMON_INLINE Floats normed_c(const Backward& work, std::int64_t t, std::int64_t block,
                              std::int64_t row, Floats c) {
  const float* rate = work.phases.c_rate + (t * work.shape.rows + row) * 2;
  return (c - rate[0]) * rate[1] * filled(work.shape, block);
}

// What the output gate of one block and row read, its norm included; the gradient of that norm's
// result before its gain goes to `grad_read`.
SUIMON_INLINE Reading read_again(const Backward& work, std::int64_t step, std::int64_t t,
                                 std::int64_t block, std::int64_t row, Floats& grad_read) {
  const auto& phases = work.phases;
  const std::uint8_t mark = mark_of(work.marks, work.shape, t, row);
  const std::int64_t at = place(work.shape, t, block, row);
  Reading reading = cells_of(work, step, t, block, row, mark);
  Floats read = reading.c;
  if (phases.c_gain != nullptr) {
    read = normed_c(work, t, block, row, reading.c) * load(phases.c_gain + block * kLanes) +
           load(phases.c_bias + block * kLanes);
  }
  reading.read = tanh(read);
  const Floats o = load(work.gates + (at * LstmUnits::kKept + 3) * kLanes);
  grad_read = load(grad_units_at(work, block, row)) * o * (1.0f - reading.read * reading.read);
  return reading;
}

// The gradients of the norm of c: its gain's and bias's are added up, that of its result times the
// gain goes to `reads`.
void start_norm_of_c_back(const Backward& work, const SequenceShare& share, std::int64_t step,
                          std::int64_t t) {
  const SequenceShape& shape = work.shape;
  const auto& phases = work.phases;
  for (std::int64_t block = share.block_begin; block < share.block_end; ++block) {
    float* sums = own_sums(work, share, phases.grad_c_norm, block, 2);
    for (std::int64_t row = share.row_begin; row < share.row_end; ++row) {
      if (mark_of(work.marks, shape, t, row) == kSkip) continue;
      Floats grad_read;
      const Reading reading = read_again(work, step, t, block, row, grad_read);
      add_to(sums, grad_read * normed_c(work, t, block, row, reading.c));
      add_to(sums + kLanes, grad_read);
      store(phases.reads + (block * shape.rows + row) * kLanes,
            grad_read * load(phases.c_gain + block * kLanes));
    }
  }
}

// One step back of an LSTM whose output is projected or whose c has a norm.
void lstm_step_back(const Backward& work, const SequenceShare& share, std::int64_t step,
                    Tiles& tiles) {
  const SequenceShape& shape = work.shape;
  const auto& phases = work.phases;
  const std::int64_t t = time_of(shape, step);
  receive_all(work, share, t, tiles);
  if (phases.c_gain != nullptr) {
    start_norm_of_c_back(work, share, step, t);
    meet(share);
  }
  for (std::int64_t row = share.row_begin; row < share.row_end; ++row) {
    const std::uint8_t mark = mark_of(work.marks, shape, t, row);
    const auto grad_of = [&](std::int64_t block, int) {
      return load(phases.reads + (block * shape.rows + row) * kLanes);
    };
    const auto normed_of = [&](std::int64_t block, int) {
      return normed_c(work, t, block, row, cells_of(work, step, t, block, row, mark).c);
    };
    Means means{};
    if (phases.c_gain != nullptr && mark != kSkip) means = means_of(shape, 1, grad_of, normed_of);
    for (std::int64_t block = share.block_begin; block < share.block_end; ++block) {
      Element* grad = grad_sums_at(work, t, row) + block * kLanes;
      if (mark == kSkip) {
        store_zeros(grad, work.cell.sums(), shape.units);
        continue;
      }
      Floats grad_read;
      Reading reading = read_again(work, step, t, block, row, grad_read);
      reading.grad_c = grad_read;
      if (phases.c_gain != nullptr) {
        const float rate = phases.c_rate[(t * shape.rows + row) * 2 + 1];
        reading.grad_c =
            means.back(grad_of(block, 0), normed_of(block, 0), rate) * filled(shape, block);
      }
      Total total;
      const Floats on = lstm_back(work, share, t, block, row, reading,
                                  load(grad_units_at(work, block, row)), grad, total);
      add_to_biases(work, share, block, total);
      store(work.grad_c + (block * shape.rows + row) * kLanes, mark == kRestart ? Floats{} : on);
    }
  }
}

// Back through the norm of `count` gates of the recurrent product, from `gate` on: from the gradient
// of their sums to that of the product. All members must have stored theirs.
void unsettle(const Backward& work, const SequenceShare& share, std::int64_t t, int gate, int count,
              int slot) {
  const SequenceShape& shape = work.shape;
  const auto& phases = work.phases;
  const int gates = work.cell.gates(), first = work.cell.first_from_h();
  for (std::int64_t row = share.row_begin; row < share.row_end; ++row) {
    const Element* grad = grad_sums_at(work, t, row) + (first + gate) * shape.units;
    Element* to =
        phases.grad_product + (t * shape.rows + row) * work.sums_stride + gate * shape.units;
    if (mark_of(work.marks, shape, t, row) == kSkip) {
      for (std::int64_t block = share.block_begin; block < share.block_end; ++block) {
        store_zeros(to + block * kLanes, count, shape.units);
      }
      continue;
    }
    const auto normed_of = [&](std::int64_t block, int n) {
      return load(phases.normed + (place(shape, t, block, row) * gates + gate + n) * kLanes);
    };
    const auto gain_of = [&](std::int64_t block, int n) {
      return load(phases.gain + (block * gates + gate + n) * kLanes);
    };
    const auto grad_of = [&](std::int64_t block, int n) {
      return load(grad + n * shape.units + block * kLanes) * gain_of(block, n);
    };
    const Means means = means_of(shape, count, grad_of, normed_of);
    const float rate = phases.rate[(t * shape.rows + row) * 2 + slot];
    for (std::int64_t block = share.block_begin; block < share.block_end; ++block) {
      float* sums = own_sums(work, share, phases.grad_gain, block, gates) + gate * kLanes;
      for (int n = 0; n < count; ++n) {
        const Floats normed = normed_of(block, n);
        add_to(sums + n * kLanes, load(grad + n * shape.units + block * kLanes) * normed);
        store(to + n * shape.units + block * kLanes,
              means.back(grad_of(block, n), normed, rate) * filled(shape, block));
      }
    }
  }
}

// The gradient of a GRU's reset gate that comes before its product, from that of r*h in `units`.
void reset_back(const Backward& work, const SequenceShare& share, std::int64_t t) {
  const SequenceShape& shape = work.shape;
  for (std::int64_t block = share.block_begin; block < share.block_end; ++block) {
    for (std::int64_t row = share.row_begin; row < share.row_end; ++row) {
      if (mark_of(work.marks, shape, t, row) == kSkip) continue;
      const Floats r = load(work.gates + place(shape, t, block, row) * GruUnits::kKept * kLanes);
      const Floats grad = load(grad_units_at(work, block, row));
      const Floats h =
          load(work.h_before + (t * shape.rows + row) * shape.hidden + block * kLanes);
      const Floats grad_r = grad * h * r * (1.0f - r);
      store(grad_sums_at(work, t, row) + shape.units + block * kLanes, grad_r);
      add_to_biases(work, share, block, {.of = {Floats{}, grad_r}});
      Floats on = grad * r;
      if (work.mask != nullptr) on *= load(work.mask + row * shape.output + block * kLanes);
      add_to(carried_h(work, block, row), on);
    }
  }
}

// The gradients that a recurrent product sends back: of its result, or of what a norm made of it.
FactorBack factor_of(const Backward& work, std::int64_t t, int gate, const Element* panels,
                     int count) {
  const SequenceShape& shape = work.shape;
  const Element* grad =
      work.phases.gain != nullptr
          ? work.phases.grad_product + t * shape.rows * work.sums_stride
          : grad_sums_at(work, t, 0) + work.cell.first_from_h() * shape.units;
  return {grad + gate * shape.units, work.sums_stride, panels, count * shape.units};
}

template <Kind kKind>
void run_phases_back(const Backward& work, const SequenceShare& share) {
  const auto& phases = work.phases;
  const bool normed = phases.gain != nullptr;
  const bool reset_first = phases.panels_hn != nullptr;
  const int together = kKind == Kind::gru ? 2 : work.cell.gates();
  Tiles tiles;
  for (std::int64_t step = work.shape.steps; step-- > 0;) {
    const std::int64_t t = time_of(work.shape, step);
    if (kKind == Kind::lstm && (phases.c_gain != nullptr || phases.panels_hr != nullptr)) {
      lstm_step_back(work, share, step, tiles);
    } else {
      for (std::int64_t block = share.block_begin; block < share.block_end; ++block) {
        start_step_back<kKind>(work, share, step, block);
      }
    }
    meet(share);
    if (kKind == Kind::gru && normed) unsettle(work, share, t, 2, 1, 1);
    if (kKind == Kind::gru && reset_first) {
      if (normed) meet(share);
      product_to_units(work, share, factor_of(work, t, 2, phases.panels_hn, 1), tiles);
      reset_back(work, share, t);
      meet(share);
    }
    if (normed) {
      unsettle(work, share, t, 0, together, 0);
      meet(share);
    }
    product_back(work, share, factor_of(work, t, 0, work.panels_back, work.cell.gates_from_h()),
                 tiles);
    drop_restarted(work, share, t);
  }
}

}  // namespace
}  // namespace suimon::SUIMON_ISA
