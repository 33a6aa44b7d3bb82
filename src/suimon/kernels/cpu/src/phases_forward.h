// The forward pass of cells whose step has phases: each needs all units of a row to be through the
// one before. That is so for a layer norm, a projection, and a reset before the product.
//
// Included only by sequence_loops.cpp, which is compiled once for each instruction set.
#pragma once

#include "norms.h"
#include "sequence_forward.h"

namespace suimon::SUIMON_ISA {
namespace {

// Where the sums of a block and row stand in an array (N, B, 64). Rows are kTileWidth apart.
SUIMON_INLINE float* sums_at(const Forward& work, float* sums, std::int64_t block,
                             std::int64_t row) {
  if (work.cell.kind != Kind::elman) return sums + (block * work.shape.rows + row) * kTileWidth;
  return sums + (block / 4 * work.shape.rows + row) * kTileWidth + block % 4 * kLanes;
}

// The sums of each product alone, where their norms come before both are added.
void add_up_apart(const Forward& work, const Projection& projection, std::int64_t step,
                  std::int64_t block, std::int64_t blocks, std::int64_t row, std::int64_t rows,
                  Tiles& tiles) {
  const SequenceShape& shape = work.shape;
  const std::int64_t begin = time_of(shape, step) * shape.rows + row;
  float* from_x = sums_at(work, work.phases.sums_x, block, row);
  if (projection.ahead()) {  // where other members do not see it
    const float* made = projection.at(step, block, row);
    for (std::int64_t n = 0; n < rows * kTileWidth; n += kLanes) store(from_x + n, load(made + n));
  } else {
    const auto ih = panel_of(work.panels_ih, work.cell.gates(), shape.inputs, block, blocks);
    product<Into::fresh>(tiles, rows, shape.inputs, work.x + begin * shape.inputs, shape.inputs, ih,
                         0, from_x, kTileWidth);
  }
  const auto hh = panel_of(work.panels_hh, work.cell.gates_from_h(), shape.hidden, block, blocks);
  product<Into::fresh>(tiles, rows, shape.hidden, work.h_before + begin * shape.hidden, shape.hidden,
                       hh, 0,
                       sums_at(work, work.phases.sums, block, row) +
                           work.cell.first_from_h() * kLanes,
                       kTileWidth);
}

void add_up_all(const Forward& work, const SequenceShare& share, const Projection& projection,
                std::int64_t step, Tiles& tiles) {
  const TileRange range(work.cell, work.shape);
  for (std::int64_t block = share.block_begin; block < share.block_end;
       block += range.blocks_in_tile) {
    for_rows(share, [&](std::int64_t row, std::int64_t rows) {
      if (work.phases.of_x.gain != nullptr) {
        add_up_apart(work, projection, step, block, range.size(block), row, rows, tiles);
        return;
      }
      float* z = sums_at(work, work.phases.sums, block, row);
      const std::int64_t blocks = range.size(block);
      const Panel<Element> hh =
          recurrent_panel(work, share, block, blocks, range.blocks_in_tile, false);
      const float* made =
          add_up(work, projection, step, block, blocks, hh, row, rows, tiles, z);
      if (made != z) {  // the next step's sums are to stand in the same place as this one's
        for (std::int64_t n = 0; n < rows * kTileWidth; n += kLanes) store(z + n, load(made + n));
      }
    });
  }
}

// Normalise some gates of one row of a product, whose sums all members must have added up, into the
// settled sums of this member's blocks.
template <Kind kKind, Into kInto, History kHistory, int kCount>
SUIMON_INLINE void normalise(const Forward& work, const SequenceShare& share,
                             const Norm<Element>& norm, float* sums, const Together<kCount>& group,
                             std::int64_t t, std::int64_t row) {
  const SequenceShape& shape = work.shape;
  const std::int64_t gates = work.cell.gates(), place = t * shape.rows + row;
  const auto at = [&](float* array, std::int64_t block) {
    float* tile = kKind == Kind::elman ? sums_at(work, array, block, row)
                                       : array + (block * shape.rows + row) * kTileWidth;
    return tile + group.place * kLanes;
  };
  const Spread spread = spread_of<kCount>(
      shape, [&](std::int64_t block, int n) { return load(at(sums, block) + n * kLanes); });
  if (kHistory != History::none && share.block_begin == 0) {  // all who share the row know it
    norm.rate[place * 2 + group.slot] = spread.rate;
  }
  const float* gain = norm.gain + group.gate * kLanes;
  for (std::int64_t block = share.block_begin; block < share.block_end; ++block) {
    const float* raw = at(sums, block);
    float* to = at(work.phases.settled, block);
    const Floats rate = filled(shape, block) * spread.rate;
    const std::int64_t first = block * gates * kLanes;
    for (int n = 0; n < kCount; ++n) {
      const Floats normed = (load(raw + n * kLanes) - spread.mean) * rate;
      if constexpr (kHistory != History::none) {
        float* kept = norm.normed + place * gates * shape.units + first;
        record<kHistory>(kept + (group.gate + n) * kLanes, normed);
      }
      const Floats sum = normed * load(gain + first + n * kLanes);
      store(to + n * kLanes, kInto == Into::fresh ? sum : load(to + n * kLanes) + sum);
    }
  }
}

// The sums as they go into the units, but for a GRU's m.
template <Kind kKind, History kHistory>
void settle(const Forward& work, const SequenceShare& share, std::int64_t t) {
  const auto& phases = work.phases;
  const auto all_rows = [&](const auto& settle_row) {
    for (std::int64_t row = share.row_begin; row < share.row_end; ++row) {
      if (mark_of(work.marks, work.shape, t, row) != kSkip) settle_row(row);
    }
  };
  const Norm<Element>&of_x = phases.of_x, &of_h = phases.of_h;
  float *sums_x = phases.sums_x, *sums = phases.sums;
  if constexpr (kKind == Kind::gru) {
    all_rows([&](std::int64_t row) {
      normalise<kKind, Into::fresh, kHistory>(work, share, of_x, sums_x, kNewFromX, t, row);
      normalise<kKind, Into::fresh, kHistory>(work, share, of_x, sums_x, kGatesFromX, t, row);
      normalise<kKind, Into::sum, kHistory>(work, share, of_h, sums, kGatesFromH, t, row);
    });
  } else {
    with_all_gates<kKind>(work.cell, [&](const auto& every) {
      all_rows([&](std::int64_t row) {
        constexpr Into kOfH = kKind == Kind::lstm ? Into::sum : Into::fresh;
        if constexpr (kKind == Kind::lstm) {
          normalise<kKind, Into::fresh, kHistory>(work, share, of_x, sums_x, every, t, row);
        }
        normalise<kKind, kOfH, kHistory>(work, share, of_h, sums, every, t, row);
      });
    });
  }
}

// A GRU's m likewise.
template <History kHistory>
void settle_last(const Forward& work, const SequenceShare& share, std::int64_t t) {
  const auto& phases = work.phases;
  for (std::int64_t row = share.row_begin; row < share.row_end; ++row) {
    if (mark_of(work.marks, work.shape, t, row) == kSkip) continue;
    normalise<Kind::gru, Into::fresh, kHistory>(work, share, phases.of_h, phases.sums, kNewFromH, t,
                                                row);
  }
}

// m of a GRU that resets first: the product with r*h.
void reset_and_add_up(const Forward& work, const SequenceShare& share, std::int64_t t,
                      Tiles& tiles) {
  const SequenceShape& shape = work.shape;
  const auto& phases = work.phases;
  for (std::int64_t block = share.block_begin; block < share.block_end; ++block) {
    for (std::int64_t row = share.row_begin; row < share.row_end; ++row) {
      const std::int64_t at = (t * shape.rows + row) * shape.hidden + block * kLanes;
      if (mark_of(work.marks, shape, t, row) == kSkip) {
        store(phases.reset_h + at, Floats{});  // its sums may be anything
        continue;
      }
      const Floats r = sigmoid(sums_of(work, block, sums_at(work, phases.settled, block, row))(1));
      store(phases.reset_h + at, r * load(work.h_before + at));
    }
  }
  meet(share);
  alignas(64) float m[kRowsTogether * kPanelWidth];
  for_rows(share, [&](std::int64_t row, std::int64_t rows) {
    const Element* factor = phases.reset_h + (t * shape.rows + row) * shape.hidden;
    for_panels(share.block_begin, share.block_end, [&](std::int64_t block, std::int64_t blocks) {
      const auto panel = panel_of(phases.panels_hn, 1, shape.hidden, block, blocks);
      product<Into::fresh>(tiles, rows, shape.hidden, factor, shape.hidden, panel, 0, m,
                           kPanelWidth);
      for (std::int64_t n = 0; n < blocks; ++n) {
        for (std::int64_t k = 0; k < rows; ++k) {
          store(sums_at(work, phases.sums, block + n, row + k) + 3 * kLanes,
                load(m + k * kPanelWidth + n * kLanes));
        }
      }
    });
  });
}

// An LSTM's output gate and new c, kept where its sums stood until all units have theirs.
template <History kHistory>
void step_all_c(const Forward& work, const SequenceShare& share, std::int64_t step) {
  for (std::int64_t block = share.block_begin; block < share.block_end; ++block) {
    for (std::int64_t row = share.row_begin; row < share.row_end; ++row) {
      float* z = sums_at(work, work.phases.settled, block, row);
      Floats c;
      const Floats o = step_of_c<kHistory>(work, moment_of(work, step, row), block, z, c);
      store(z, o);
      store(z + kLanes, c);
    }
  }
}

// h, or what is projected to it, from the output gate and the norm of c, if it has one.
void read_all_c(const Forward& work, const SequenceShare& share, std::int64_t step) {
  const SequenceShape& shape = work.shape;
  const auto& phases = work.phases;
  for (std::int64_t row = share.row_begin; row < share.row_end; ++row) {
    const Moment at = moment_of(work, step, row);
    const auto c_of = [&](std::int64_t block, int) {
      return load(sums_at(work, phases.settled, block, row) + kLanes);
    };
    Spread spread{0.0f, 1.0f};
    if (phases.c_gain != nullptr && at.mark != kSkip) spread = spread_of<1>(shape, c_of);
    if (phases.c_rate != nullptr && share.block_begin == 0) {
      phases.c_rate[(at.t * shape.rows + row) * 2] = spread.mean;
      phases.c_rate[(at.t * shape.rows + row) * 2 + 1] = spread.rate;
    }
    for (std::int64_t block = share.block_begin; block < share.block_end; ++block) {
      Floats c = c_of(block, 0);
      if (phases.c_gain != nullptr) {
        c = (c - spread.mean) * spread.rate * load(phases.c_gain + block * kLanes) +
            load(phases.c_bias + block * kLanes);
      }
      const Floats h = load(sums_at(work, phases.settled, block, row)) * tanh(c);
      if (phases.panels_hr == nullptr) {
        deliver(work, at, block, h);
      } else {
        store(phases.unprojected + (at.t * shape.rows + row) * shape.units + block * kLanes, h);
      }
    }
  }
}

void project(const Forward& work, const SequenceShare& share, std::int64_t step, Tiles& tiles) {
  const SequenceShape& shape = work.shape;
  const std::int64_t t = time_of(shape, step);
  alignas(64) float h[kRowsTogether * kPanelWidth];
  for_rows(share, [&](std::int64_t row, std::int64_t rows) {
    const Element* from = work.phases.unprojected + (t * shape.rows + row) * shape.units;
    for_panels(share.output_begin, share.output_end, [&](std::int64_t block, std::int64_t blocks) {
      const auto panel = panel_of(work.phases.panels_hr, 1, shape.units, block, blocks);
      product<Into::fresh>(tiles, rows, shape.units, from, shape.units, panel, 0, h, kPanelWidth);
      for (std::int64_t k = 0; k < rows; ++k) {
        const Moment at = moment_of(work, step, row + k);
        for (std::int64_t n = 0; n < blocks; ++n) {
          deliver(work, at, block + n, load(h + k * kPanelWidth + n * kLanes));
        }
      }
    });
  });
}

template <Kind kKind, History kHistory>
void run_phases(const Forward& work, const SequenceShare& share) {
  const auto& phases = work.phases;
  const bool normed = phases.of_h.gain != nullptr;
  const bool reset_first = phases.panels_hn != nullptr;
  Tiles tiles;
  Projection projection(work, share);
  for (std::int64_t step = 0; step < work.shape.steps; ++step) {
    const std::int64_t t = time_of(work.shape, step);
    projection.prepare(step, tiles);
    add_up_all(work, share, projection, step, tiles);
    if (normed) {
      meet(share);
      settle<kKind, kHistory>(work, share, t);
    }
    if (kKind == Kind::gru && reset_first) reset_and_add_up(work, share, t, tiles);
    if (kKind == Kind::gru && normed) {
      if (reset_first) meet(share);
      settle_last<kHistory>(work, share, t);
    }
    if (kKind == Kind::lstm && (phases.c_gain != nullptr || phases.panels_hr != nullptr)) {
      step_all_c<kHistory>(work, share, step);
      meet(share);
      read_all_c(work, share, step);
      if (phases.panels_hr != nullptr) {
        meet(share);
        project(work, share, step, tiles);
      }
    } else {
      for (std::int64_t block = share.block_begin; block < share.block_end; ++block) {
        finish_step<kKind, kHistory>(work, step, block, share.row_begin, share.row_end,
                                     sums_at(work, phases.settled, block, share.row_begin));
      }
    }
    meet(share);
  }
}

}  // namespace
}  // namespace suimon::SUIMON_ISA
