// What the loops forward and back share: where things stand, and what happens around a step.
//
// Included only by sequence_loops.cpp, which is compiled once for each instruction set.
#pragma once

#include "products.h"
#include "sequence.h"
#include "units.h"

namespace suimon::SUIMON_ISA {
namespace {

using Element = SUIMON_ELEMENT;
using Forward = SequenceForward<Element>;
using Backward = SequenceBackward<Element>;

constexpr std::int64_t kPanelWidth = kBlocksPerPanel * kUnitsPerBlock;  // units of one panel

// Rows that are worked on together: their sums stay in the first level of cache.
constexpr std::int64_t kRowsTogether = 32;

// Depth of one pass of the backward product, so that its rows of A stay there too.
constexpr std::int64_t kDepthTogether = 512;

SUIMON_INLINE std::int64_t time_of(const SequenceShape& shape, std::int64_t step) {
  return shape.reverse ? shape.steps - 1 - step : step;
}

SUIMON_INLINE std::uint8_t mark_of(const std::uint8_t* marks, const SequenceShape& shape,
                                   std::int64_t t, std::int64_t row) {
  return marks == nullptr ? 0 : marks[t * shape.rows + row];
}

// Row `row` of a block in an array (T, U/16, B, …), in rows.
SUIMON_INLINE std::int64_t place(const SequenceShape& shape, std::int64_t t, std::int64_t block,
                                 std::int64_t row) {
  return (t * (shape.units / kUnitsPerBlock) + block) * shape.rows + row;
}

SUIMON_INLINE Floats share_kept(const Keep& keep, std::int64_t t, std::int64_t row,
                                std::int64_t block) {
  return load(keep.share + t * keep.time_step + row * keep.row_step + block * kLanes);
}

// The tiles of some blocks, each of as many blocks as the cell puts into one.
struct TileRange {
  TileRange(const CellForm& cell, const SequenceShape& shape)
      : blocks_in_tile(cell.blocks_in_tile()), blocks(shape.units / kUnitsPerBlock) {}

  // How many blocks the tile that starts at `block` has.
  std::int64_t size(std::int64_t block) const {
    return blocks - block < blocks_in_tile ? blocks - block : blocks_in_tile;
  }

  const std::int64_t blocks_in_tile;
  const std::int64_t blocks;
};

// A tile's part of weights of so many gates, packed by pack_for_gates, `depth` rows deep.
Panel<Element> panel_of(const Element* panels, int gates, std::int64_t depth, std::int64_t block,
                        std::int64_t blocks) {
  return {panels + block * depth * gates * kUnitsPerBlock, static_cast<int>(blocks) * gates, depth};
}

// What becomes of the gates and of the carried state at each step: backward needs them, and so does
// a trace.
enum class History { none, kept, streamed };

template <History kHistory>
SUIMON_INLINE void record(float* to, Floats value) {
  kHistory == History::streamed ? stream(to, value) : store(to, value);
}

// What is known of one row at one step.
struct Moment {
  std::int64_t t;
  std::int64_t row;
  std::uint8_t mark;
  std::uint8_t next_mark;  // of the step after it
  std::int64_t next;       // that step's time; negative where there is none
};

SUIMON_INLINE Moment moment_of(const Forward& work, std::int64_t step, std::int64_t row) {
  const SequenceShape& shape = work.shape;
  const std::int64_t t = time_of(shape, step);
  const std::int64_t next = step + 1 < shape.steps ? time_of(shape, step + 1) : -1;
  return {t, row, mark_of(work.marks, shape, t, row),
          next < 0 ? std::uint8_t{0} : mark_of(work.marks, shape, next, row), next};
}

// Hand on a block's new h: to the output, the state, and the factor of the next step's product.
// Returns what is handed on, after zoneout.
SUIMON_INLINE Floats deliver(const Forward& work, const Moment& at, std::int64_t block, Floats h) {
  const SequenceShape& shape = work.shape;
  float* carried = work.h_n + (block * shape.rows + at.row) * kLanes;
  Element* output = work.output + (at.t * shape.rows + at.row) * shape.output + block * kLanes;
  if (at.mark == kSkip) {
    h = load(carried);
    store(output, Floats{});
  } else {
    if (work.keep_h.share != nullptr) {
      const Floats old = at.mark == kRestart ? Floats{} : load(carried);
      h = blend(share_kept(work.keep_h, at.t, at.row, block), old, h);
    }
    store(carried, h);
    store(output, h);
  }
  if (at.next >= 0) {
    Floats factor = at.next_mark == kRestart ? Floats{} : h;
    if (work.mask != nullptr) {
      factor = factor * load(work.mask + at.row * shape.output + block * kLanes);
    }
    store(work.h_before + (at.next * shape.rows + at.row) * shape.hidden + block * kLanes, factor);
  }
  return h;
}

template <int kKept, History kHistory>
SUIMON_INLINE void keep_gates(const Forward& work, std::int64_t place, const Floats (&kept)[kKept]) {
  if constexpr (kHistory != History::none) {
    float* to = work.gates + place * kKept * kLanes;
    for (int gate = 0; gate < kKept; ++gate) record<kHistory>(to + gate * kLanes, kept[gate]);
  }
}

// The sums of a block whose products stand in z.
SUIMON_INLINE auto sums_of(const Forward& work, std::int64_t block, const float* z) {
  const float* bias = work.bias + block * work.cell.sums() * kLanes;
  return [=](int at) { return load(z + at * kLanes) + load(bias + at * kLanes); };
}

SUIMON_INLINE Peepholes peepholes_of(const auto& work, std::int64_t block) {
  return {work.peephole == nullptr ? nullptr : work.peephole + block * 3 * kLanes, kLanes};
}

// One step of the c of one block and row. Gives the output gate, and c before zoneout, which is what
// that gate reads.
template <History kHistory>
SUIMON_INLINE Floats step_of_c(const Forward& work, const Moment& at, std::int64_t block,
                               const float* z, Floats& read) {
  const SequenceShape& shape = work.shape;
  float* carried = work.c_n + (block * shape.rows + at.row) * kLanes;
  Floats kept[LstmUnits::kKept] = {};
  Floats c = load(carried);
  read = Floats{};
  if (at.mark != kSkip) {
    const Floats old = at.mark == kRestart ? Floats{} : c;
    c = old;
    LstmUnits::step(work.cell, sums_of(work, block, z), peepholes_of(work, block), c, kept);
    read = c;
    if (work.keep_c.share != nullptr) {
      c = blend(share_kept(work.keep_c, at.t, at.row, block), old, c);
    }
    store(carried, c);
  }
  const std::int64_t here = place(shape, at.t, block, at.row);
  keep_gates<LstmUnits::kKept, kHistory>(work, here, kept);
  if constexpr (kHistory != History::none) record<kHistory>(work.carry + here * kLanes, c);
  return kept[3];
}


void meet(const SequenceShare& share) {
  if (share.meeting != nullptr) share.meeting->wait();
}

// Call work(row, rows) for a share's rows, some at a time.
SUIMON_INLINE void for_rows(const SequenceShare& share, const auto& work) {
  for (std::int64_t row = share.row_begin; row < share.row_end; row += kRowsTogether) {
    const std::int64_t left = share.row_end - row;
    work(row, left < kRowsTogether ? left : kRowsTogether);
  }
}

// The block that a loop from `begin` to `end` by `together` comes to after `block`, whose weights are
// then to be fetched; negative where the loop ends, or where all the weights stay near.
std::int64_t next_to_fetch(std::int64_t begin, std::int64_t end, std::int64_t block,
                           std::int64_t together, bool backwards, std::int64_t bytes_a_block) {
  if ((end - begin) * bytes_a_block <= kTooLargeToStay) return -1;
  const std::int64_t next = backwards ? block - together : block + together;
  return next < begin || next >= end ? -1 : next;
}

// Call work(begin, count) for `together` at a time of the numbers from `begin` to `end`, from the last
// to the first where `backwards`. Loops over weights go to and fro: where these do not fit a cache,
// what was read last is still in it.
SUIMON_INLINE void for_parts(std::int64_t begin, std::int64_t end, std::int64_t together,
                             bool backwards, const auto& work) {
  const std::int64_t parts = (end - begin + together - 1) / together;
  for (std::int64_t n = 0; n < parts; ++n) {
    const std::int64_t first = begin + (backwards ? parts - 1 - n : n) * together;
    work(first, end - first < together ? end - first : together);
  }
}

// Call work(block, blocks) for blocks of units, a panel of at most four at a time.
SUIMON_INLINE void for_panels(std::int64_t begin, std::int64_t end, const auto& work) {
  for_parts(begin, end, kBlocksPerPanel, false, work);
}

}  // namespace
}  // namespace suimon::SUIMON_ISA
