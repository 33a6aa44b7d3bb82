// Weight matrices as the step engine reads them: lines of 64 bytes, from front to back.
//
// A product is z (N) = W a + b, W (N, K) as torch.nn keeps it. Its N columns stand in groups of 16,
// the groups in panels of 4 (the last one fewer), and a panel is [K/side][groups][16][side]: `side`
// neighbours in K fill a line of 16 columns, 1 of float32, 2 of bfloat16, 4 of int8. So one row of
// activations reads a panel from front to back, each line once; and 16 lines of one group are what a
// matrix register takes, `groups` lines apart. K is filled up with zeros to whole 16 lines.
//
// int8: each column has a scale, W = scale * q with q from -127 to 127, and an activation is
// scale_of_row * (u - 128), u from 1 to 255, because the processor multiplies unsigned by signed.
// What the 128 adds is a constant of each column, which sums start from: -128 * (sum of its q).
#pragma once

#include <cstdint>

#include "panels.h"

namespace suimon {

constexpr std::int64_t kLineColumns = 16;   // columns in a line, and in a group
constexpr std::int64_t kPanelGroups = 4;
constexpr std::int64_t kLinesPerTile = 16;  // what K/side is a multiple of

// Elements of one column in a line.
template <typename Element>
constexpr std::int64_t kPerLine = 4 / static_cast<std::int64_t>(sizeof(Element));

struct LineMatrix {
  const void* lines = nullptr;          // panels, see above; null where there is no product
  std::int64_t inputs = 0;              // K
  std::int64_t depth = 0;               // K rounded up
  std::int64_t groups = 0;              // N/16
  const float* bias = nullptr;          // (N)
  const float* scale = nullptr;         // (N), int8 alone
  const std::int32_t* start = nullptr;  // (N), int8 alone: what a sum starts from
};

}  // namespace suimon
