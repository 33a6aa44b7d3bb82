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

// The gradient of what the output gate of one block and row read, from that of o times it.
SUIMON_INLINE Floats grad_read_of(const Backward& work, std::int64_t t, std::int64_t block,
                                  std::int64_t row, Floats read) {
  const float* kept = work.gates + place(work.shape, t, block, row) * LstmUnits::kKept * kLanes;
  return load(grad_units_at(work, block, row)) * load(kept + 3 * kLanes) * (1.0f - read * read);
}

// Where the norm of c of one block and row keeps, on its way back, three vectors: the gradient of its
// result times the gain, what the gain multiplied, and the tanh of the result.
SUIMON_INLINE float* reads_at(const Backward& work, std::int64_t block, std::int64_t row) {
  return work.phases.reads + (block * work.shape.rows + row) * 3 * kLanes;
}

// The gradients of the norm of c: its gain's and bias's are added up, the rest goes to `reads`.
void start_norm_of_c_back(const Backward& work, const SequenceShare& share, std::int64_t step,
                          std::int64_t t) {
  const SequenceShape& shape = work.shape;
  const auto& phases = work.phases;
  for (std::int64_t block = share.block_begin; block < share.block_end; ++block) {
    float* sums = own_sums(work, share, phases.grad_c_norm, block, 2);
    const Floats gain = load(phases.c_gain + block * kLanes);
    const Floats bias = load(phases.c_bias + block * kLanes);
    Floats of_gain{}, of_bias{};
    for (std::int64_t row = share.row_begin; row < share.row_end; ++row) {
      const std::uint8_t mark = mark_of(work.marks, shape, t, row);
      if (mark == kSkip) continue;
      const Floats c = cells_of(work, step, t, block, row, mark).c;
      const Floats normed = normed_c(work, t, block, row, c);
      const Floats read = tanh(normed * gain + bias);
      const Floats grad_read = grad_read_of(work, t, block, row, read);
      of_gain += grad_read * normed;
      of_bias += grad_read;
      float* to = reads_at(work, block, row);
      store(to, grad_read * gain);
      store(to + kLanes, normed);
      store(to + 2 * kLanes, read);
    }
    add_to(sums, of_gain);
    add_to(sums + kLanes, of_bias);
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
    Means means{};
    float rate = 0.0f;
    if (phases.c_gain != nullptr && mark != kSkip) {
      means = means_of<1>(
          shape, [&](std::int64_t block, int) { return load(reads_at(work, block, row)); },
          [&](std::int64_t block, int) { return load(reads_at(work, block, row) + kLanes); });
      rate = phases.c_rate[(t * shape.rows + row) * 2 + 1];
    }
    for (std::int64_t block = share.block_begin; block < share.block_end; ++block) {
      Element* grad = grad_sums_at(work, t, row) + block * kLanes;
      if (mark == kSkip) {
        store_zeros(grad, work.cell.sums(), shape.units);
        continue;
      }
      Reading reading = cells_of(work, step, t, block, row, mark);
      if (phases.c_gain != nullptr) {
        const float* made = reads_at(work, block, row);
        reading.read = load(made + 2 * kLanes);
        reading.grad_c = means.back(load(made), load(made + kLanes), filled(shape, block) * rate);
      } else {
        reading.read = tanh(reading.c);
        reading.grad_c = grad_read_of(work, t, block, row, reading.read);
      }
      Total total;
      const Floats on = lstm_back(work, share, t, block, row, reading,
                                  load(grad_units_at(work, block, row)), grad, total);
      add_to_biases(work, share, block, total);
      store(work.grad_c + (block * shape.rows + row) * kLanes, mark == kRestart ? Floats{} : on);
    }
  }
}

// The gradient of some gates of one row of a product before their norm, from that of the sums, which
// all members must have made; the gradient of the gain is added up.
template <int kCount>
SUIMON_INLINE void normalise_back(const Backward& work, const SequenceShare& share,
                                  const Norm<Element>& norm, const Together<kCount>& group,
                                  std::int64_t t, std::int64_t row) {
  const SequenceShape& shape = work.shape;
  const std::int64_t gates = work.cell.gates(), place = t * shape.rows + row;
  const Element* grad = grad_sums_at(work, t, row) + group.place * shape.units;
  Element* to = norm.grad_product + place * work.sums_stride + group.gate * shape.units;
  if (mark_of(work.marks, shape, t, row) == kSkip) {
    for (std::int64_t block = share.block_begin; block < share.block_end; ++block) {
      store_zeros(to + block * kLanes, kCount, shape.units);
    }
    return;
  }
  const float* gain = norm.gain + group.gate * kLanes;
  const float* kept = norm.normed + place * gates * shape.units + group.gate * kLanes;
  const auto normed_of = [&](std::int64_t block, int n) {
    return load(kept + (block * gates + n) * kLanes);
  };
  const auto arrived_of = [&](std::int64_t block, int n) {
    return load(grad + n * shape.units + block * kLanes);
  };
  const auto grad_of = [&](std::int64_t block, int n) {
    return arrived_of(block, n) * load(gain + (block * gates + n) * kLanes);
  };
  const Means means = means_of<kCount>(shape, grad_of, normed_of);
  const float rate = norm.rate[place * 2 + group.slot];
  for (std::int64_t block = share.block_begin; block < share.block_end; ++block) {
    float* sums = own_sums(work, share, norm.grad_gain, block, work.cell.gates()) +
                  group.gate * kLanes;
    const Floats lanes = filled(shape, block) * rate;
    for (int n = 0; n < kCount; ++n) {
      const Floats arrived = arrived_of(block, n), normed = normed_of(block, n);
      const Floats each = arrived * load(gain + (block * gates + n) * kLanes);
      add_to(sums + n * kLanes, arrived * normed);
      store(to + n * shape.units + block * kLanes, means.back(each, normed, lanes));
    }
  }
}

// Through the norms of all sums but a GRU's m.
template <Kind kKind>
void unsettle(const Backward& work, const SequenceShare& share, std::int64_t t) {
  const Norm<Element>&of_x = work.phases.of_x, &of_h = work.phases.of_h;
  if constexpr (kKind == Kind::gru) {
    for (std::int64_t row = share.row_begin; row < share.row_end; ++row) {
      normalise_back(work, share, of_h, kGatesFromH, t, row);
      normalise_back(work, share, of_x, kGatesFromX, t, row);
      normalise_back(work, share, of_x, kNewFromX, t, row);
    }
  } else {
    with_all_gates<kKind>(work.cell, [&](const auto& every) {
      for (std::int64_t row = share.row_begin; row < share.row_end; ++row) {
        normalise_back(work, share, of_h, every, t, row);
        if constexpr (kKind == Kind::lstm) normalise_back(work, share, of_x, every, t, row);
      }
    });
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
      work.phases.of_h.gain != nullptr
          ? work.phases.of_h.grad_product + t * shape.rows * work.sums_stride
          : grad_sums_at(work, t, 0) + work.cell.first_from_h() * shape.units;
  return {grad + gate * shape.units, work.sums_stride, panels, count * shape.units};
}

template <Kind kKind>
void run_phases_back(const Backward& work, const SequenceShare& share) {
  const auto& phases = work.phases;
  const bool normed = phases.of_h.gain != nullptr;
  const bool reset_first = phases.panels_hn != nullptr;
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
    if (kKind == Kind::gru && normed) {
      for (std::int64_t row = share.row_begin; row < share.row_end; ++row) {
        normalise_back(work, share, phases.of_h, kNewFromH, t, row);
      }
    }
    if (kKind == Kind::gru && reset_first) {
      if (normed) meet(share);
      product_to_units(work, share, factor_of(work, t, 2, phases.panels_hn, 1), tiles);
      reset_back(work, share, t);
      meet(share);
    }
    if (normed) {
      unsettle<kKind>(work, share, t);
      meet(share);
    }
    product_back(work, share, factor_of(work, t, 0, work.panels_back, work.cell.gates_from_h()),
                 tiles);
    drop_restarted(work, share, t);
  }
}

}  // namespace
}  // namespace suimon::SUIMON_ISA
