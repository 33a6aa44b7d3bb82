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

// The sums of the recurrent product alone, where their norm comes before those with x are added.
void add_up_from_h(const Forward& work, std::int64_t step, std::int64_t block, std::int64_t blocks,
                   std::int64_t row, std::int64_t rows, Tiles& tiles, float* z) {
  const SequenceShape& shape = work.shape;
  const Element* h =
      work.h_before + (time_of(shape, step) * shape.rows + row) * shape.hidden;
  const auto hh = panel_of(work.panels_hh, work.cell.gates_from_h(), shape.hidden, block, blocks);
  product<Into::fresh>(tiles, rows, shape.hidden, h, shape.hidden, hh, 0,
                       z + work.cell.first_from_h() * kLanes, kTileWidth);
}

void add_up_all(const Forward& work, const SequenceShare& share, const Projection& projection,
                std::int64_t step, Tiles& tiles) {
  const TileRange range(work.cell, work.shape);
  for (std::int64_t block = share.block_begin; block < share.block_end;
       block += range.blocks_in_tile) {
    for_rows(share, [&](std::int64_t row, std::int64_t rows) {
      float* z = sums_at(work, work.phases.sums, block, row);
      if (work.phases.from_x != nullptr) {
        add_up_from_h(work, step, block, range.size(block), row, rows, tiles, z);
      } else {
        const float* made =
            add_up(work, projection, step, block, range.size(block), row, rows, tiles, z);
        if (made != z) {  // the next step's sums are to stand in the same place as this one's
          for (std::int64_t n = 0; n < rows * kTileWidth; n += kLanes) store(z + n, load(made + n));
        }
      }
    });
  }
}

// Normalise the sums of `count` gates of the recurrent product, from `gate` on, and add to them what
// came from x. All members must have added theirs up.
void settle(const Forward& work, const SequenceShare& share, std::int64_t t, int gate, int count,
            int slot) {
  const SequenceShape& shape = work.shape;
  const auto& phases = work.phases;
  const int gates = work.cell.gates(), first = work.cell.first_from_h();
  for (std::int64_t row = share.row_begin; row < share.row_end; ++row) {
    if (mark_of(work.marks, shape, t, row) == kSkip) continue;
    const Spread spread = spread_of(shape, count, [&](std::int64_t block, int n) {
      return load(sums_at(work, phases.sums, block, row) + (first + gate + n) * kLanes);
    });
    if (phases.rate != nullptr && share.block_begin == 0) {  // all who share the row know it
      phases.rate[(t * shape.rows + row) * 2 + slot] = spread.rate;
    }
    const float* from_x =
        phases.from_x == nullptr ? nullptr
                                 : phases.from_x + (t * shape.rows + row) * gates * shape.units;
    for (std::int64_t block = share.block_begin; block < share.block_end; ++block) {
      const float* raw = sums_at(work, phases.sums, block, row);
      float* to = sums_at(work, phases.settled, block, row);
      for (int n = gate; n < gate + count; ++n) {
        const Floats normed =
            (load(raw + (first + n) * kLanes) - spread.mean) * spread.rate * filled(shape, block);
        if (phases.normed != nullptr) {
          store(phases.normed + (place(shape, t, block, row) * gates + n) * kLanes, normed);
        }
        Floats sum = normed * load(phases.gain + (block * gates + n) * kLanes);
        const int at = first + n;
        if (from_x != nullptr && at < gates) sum += load(from_x + at * shape.units + block * kLanes);
        store(to + at * kLanes, sum);
      }
      if (first > 0 && gate == 0) store(to, load(from_x + block * kLanes));  // n of a GRU
    }
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
    if (phases.c_gain != nullptr && at.mark != kSkip) spread = spread_of(shape, 1, c_of);
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
  const bool normed = phases.gain != nullptr;
  const bool reset_first = phases.panels_hn != nullptr;
  Tiles tiles;
  Projection projection(work, share);
  for (std::int64_t step = 0; step < work.shape.steps; ++step) {
    const std::int64_t t = time_of(work.shape, step);
    projection.prepare(step, tiles);
    add_up_all(work, share, projection, step, tiles);
    if (normed) {
      meet(share);
      // r and z of a GRU have a norm of their own.
      settle(work, share, t, 0, kKind == Kind::gru ? 2 : work.cell.gates(), 0);
    }
    if (kKind == Kind::gru && reset_first) reset_and_add_up(work, share, t, tiles);
    if (kKind == Kind::gru && normed) {
      if (reset_first) meet(share);
      settle(work, share, t, 2, 1, 1);
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
