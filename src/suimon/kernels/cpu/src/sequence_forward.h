// The forward pass of cells whose units are finished block by block, as soon as their sums stand.
//
// Included only by sequence_loops.cpp, which is compiled once for each instruction set.
#pragma once

#include <new>

#include "sequence_parts.h"

namespace suimon::SUIMON_ISA {
namespace {

// Rows, of several steps, that the input's product is made for at once.
constexpr std::int64_t kRowsAhead = 128;

// One step of some rows of one block: the sums stand in z, what is left is each unit's own.
template <Kind kKind, History kHistory>
void finish_step(const Forward& work, std::int64_t step, std::int64_t block,
                 std::int64_t row_begin, std::int64_t row_end, const float* z) {
  const SequenceShape& shape = work.shape;
  for (std::int64_t row = row_begin; row < row_end; ++row, z += kTileWidth) {
    const Moment at = moment_of(work, step, row);
    const std::int64_t here = place(shape, at.t, block, row);
    if constexpr (kKind == Kind::lstm) {
      Floats c;
      const Floats o = step_of_c<kHistory>(work, at, block, z, c);
      deliver(work, at, block, o * tanh(c));
    } else if constexpr (kKind == Kind::elman) {
      Floats kept[ElmanUnits::kKept] = {};
      if (at.mark != kSkip) kept[0] = ElmanUnits::step(work.cell, sums_of(work, block, z)(0));
      deliver(work, at, block, kept[0]);
      keep_gates<ElmanUnits::kKept, kHistory>(work, here, kept);
    } else {
      Floats kept[GruUnits::kKept] = {};
      Floats h{};
      if (at.mark != kSkip) {
        const float* carried = work.h_n + (block * shape.rows + row) * kLanes;
        const Floats old = at.mark == kRestart ? Floats{} : load(carried);
        h = GruUnits::step(work.cell, sums_of(work, block, z), old, kept);
      }
      h = deliver(work, at, block, h);
      keep_gates<GruUnits::kKept, kHistory>(work, here, kept);
      if constexpr (kHistory != History::none) record<kHistory>(work.carry + here * kLanes, h);
    }
  }
}

// The part of the sums that comes from x. It waits for nothing, so it is made for some steps at once:
// a tile's weights are then read once for all of them, and not once for each.
class Projection {
 public:
  Projection(const Forward& work, const SequenceShare& share)
      : work_(work), share_(share), tiles_(work.cell, work.shape),
        rows_(share.row_end - share.row_begin) {
    if (work.shape.inputs == 0) return;
    if (rows_ < kRowsAhead) steps_ = (kRowsAhead + rows_ - 1) / rows_;
    if (steps_ > work.shape.steps) steps_ = work.shape.steps;
    if (steps_ > 1) {
      const std::int64_t tiles =
          (share.block_end - share.block_begin + tiles_.blocks_in_tile - 1) / tiles_.blocks_in_tile;
      const auto size = static_cast<std::size_t>(tiles * steps_ * rows_ * kTileWidth);
      memory_ = new (std::nothrow) float[size];
    }
  }
  Projection(const Projection&) = delete;
  Projection& operator=(const Projection&) = delete;
  ~Projection() { delete[] memory_; }

  // Whether at() gives a step's part; else its product is still to be made.
  bool ahead() const { return memory_ != nullptr; }

  // Before each step, in turn.
  void prepare(std::int64_t step, Tiles& tiles) {
    if (!ahead() || step % steps_ != 0) return;
    const SequenceShape& shape = work_.shape;
    const std::int64_t left = shape.steps - step;
    const std::int64_t steps = left < steps_ ? left : steps_;
    // Backwards, the first of these steps is the last in memory.
    first_ = time_of(shape, shape.reverse ? step + steps - 1 : step);
    // The rows of several steps lie together where a share has all of them.
    const bool together = rows_ == shape.rows;
    const std::int64_t rows = together ? steps * rows_ : rows_;
    for (std::int64_t block = share_.block_begin; block < share_.block_end;
         block += tiles_.blocks_in_tile) {
      const Panel<Element> ih =
          panel_of(work_.panels_ih, work_.cell.gates(), shape.inputs, block, tiles_.size(block));
      for (std::int64_t n = 0; n < (together ? 1 : steps); ++n) {
        const Element* x =
            work_.x + ((first_ + n) * shape.rows + share_.row_begin) * shape.inputs;
        product<Into::fresh>(tiles, rows, shape.inputs, x, shape.inputs, ih, 0,
                             of_tile(block) + n * rows * kTileWidth, kTileWidth);
      }
    }
  }

  // Where a step's part of the tile that starts at `block` stands, from the share's row `row` on; it
  // is read no second time, and may be added to.
  float* at(std::int64_t step, std::int64_t block, std::int64_t row) const {
    const std::int64_t place = time_of(work_.shape, step) - first_;
    return of_tile(block) + (place * rows_ + row - share_.row_begin) * kTileWidth;
  }

 private:
  float* of_tile(std::int64_t block) const {
    const std::int64_t tile = (block - share_.block_begin) / tiles_.blocks_in_tile;
    return memory_ + tile * steps_ * rows_ * kTileWidth;
  }

  const Forward& work_;
  const SequenceShare& share_;
  const TileRange tiles_;
  const std::int64_t rows_;
  std::int64_t steps_ = 1;
  std::int64_t first_ = 0;   // of the steps that are prepared, the earliest in time
  float* memory_ = nullptr;  // (tiles, steps, rows, kTileWidth)
};

// The sums of some rows of a tile, but for what a norm or a reset comes before. Returns where they
// stand: in `z`, or where x's part of them was made.
float* add_up(const Forward& work, const Projection& projection, std::int64_t step,
              std::int64_t block, std::int64_t blocks, const Panel<Element>& hh, std::int64_t row,
              std::int64_t rows, Tiles& tiles, float* z) {
  const SequenceShape& shape = work.shape;
  const std::int64_t begin = time_of(shape, step) * shape.rows + row;
  if (projection.ahead()) {
    z = projection.at(step, block, row);
  } else {
    const auto ih = panel_of(work.panels_ih, work.cell.gates(), shape.inputs, block, blocks);
    product<Into::fresh>(tiles, rows, shape.inputs, work.x + begin * shape.inputs, shape.inputs, ih,
                         0, z, kTileWidth);
  }
  if (work.cell.kind == Kind::gru) {  // m comes from h alone
    for (std::int64_t n = 0; n < rows; ++n) store(z + n * kTileWidth + 3 * kLanes, Floats{});
  }
  product<Into::sum>(tiles, rows, shape.hidden, work.h_before + begin * shape.hidden, shape.hidden,
                     hh, 0, z + work.cell.first_from_h() * kLanes, kTileWidth);
  return z;
}

// The recurrent weights of the tile that starts at `block`, those of the next one to be fetched.
Panel<Element> recurrent_panel(const Forward& work, const SequenceShare& share,
                               std::int64_t block, std::int64_t blocks, std::int64_t together,
                               bool backwards) {
  const int gates = work.cell.gates_from_h();
  const std::int64_t depth = work.shape.hidden, a_block = gates * kUnitsPerBlock * depth;
  Panel<Element> panel = panel_of(work.panels_hh, gates, depth, block, blocks);
  const std::int64_t next =
      next_to_fetch(share.block_begin, share.block_end, block, together, backwards,
                    a_block * static_cast<std::int64_t>(sizeof(Element)));
  if (next >= 0) panel.ahead = work.panels_hh + next * a_block;
  return panel;
}

template <Kind kKind, History kHistory>
void run_steps(const Forward& work, const SequenceShare& share) {
  const TileRange range(work.cell, work.shape);
  const std::int64_t sums = work.cell.sums() * kUnitsPerBlock;
  Tiles tiles;
  Projection projection(work, share);
  alignas(64) float room[kRowsTogether * kTileWidth];
  for (std::int64_t step = 0; step < work.shape.steps; ++step) {
    projection.prepare(step, tiles);
    const bool backwards = step % 2 != 0;
    const auto take = [&](std::int64_t block, std::int64_t blocks) {
      Panel<Element> hh =
          recurrent_panel(work, share, block, blocks, range.blocks_in_tile, backwards);
      for_rows(share, [&](std::int64_t row, std::int64_t rows) {
        const float* z =
            add_up(work, projection, step, block, blocks, hh, row, rows, tiles, room);
        hh.ahead = nullptr;  // once is enough
        for (std::int64_t n = 0; n < blocks; ++n) {
          finish_step<kKind, kHistory>(work, step, block + n, row, row + rows, z + n * sums);
        }
      });
    };
    for_parts(share.block_begin, share.block_end, range.blocks_in_tile, backwards, take);
    meet(share);
  }
}

}  // namespace
}  // namespace suimon::SUIMON_ISA
