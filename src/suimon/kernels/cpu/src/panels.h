// Weight matrices laid out as the products of products.h read them, from front to back.
//
// A panel is a matrix (K, G*16), G groups of 16 columns, 1 to 4.
//   float32    [K][G][16]
//   bfloat16   two groups after two groups, each pair [K/32][2][16][16][2], that is in tiles of 32
//              rows by 16 columns of 1 KiB, two neighbours in K side by side, as the processor's
//              products of bfloat16 and its matrix registers want them; a last odd group alone. K is
//              a multiple of 32.
#pragma once

#include <cstdint>
#include <cstring>

namespace suimon {

typedef std::uint16_t Bf16;  // the upper half of a float32

static inline void put(float* to, float value) { *to = value; }

// Rounded to the nearest, ties to even; a NaN stays one.
static inline void put(Bf16* to, float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  bits += (bits >> 16 & 1u) + 0x7fffu;
  *to = value == value ? static_cast<Bf16>(bits >> 16) : Bf16{0x7fc0};
}

constexpr std::int64_t kUnitsPerBlock = 16;
constexpr std::int64_t kBlocksPerPanel = 4;  // of the states' columns, in the backward product
constexpr std::int64_t kTileDepth = 32;
constexpr std::int64_t kTileSize = kTileDepth * kUnitsPerBlock;

// Blocks that so many units fill, the last one perhaps in part.
static inline std::int64_t blocks_of(std::int64_t units) {
  return (units + kUnitsPerBlock - 1) / kUnitsPerBlock;
}

// Neighbours in K that stand side by side.
template <typename Element>
constexpr std::int64_t kSideBySide = sizeof(float) / sizeof(Element);

template <typename Element>
struct Panel {
  const Element* data;
  int groups;                      // G
  std::int64_t depth;              // K
  const Element* ahead = nullptr;  // what is read after it, to be fetched meanwhile; null: it is near
};

// Elements from one group, row (pair of rows for bfloat16) and tile to the next. Tiles of float32
// are the whole depth.
struct PanelSteps {
  std::int64_t group;
  std::int64_t row;
  std::int64_t tile;
  std::int64_t tile_depth;
};

static inline PanelSteps steps_of(const Panel<float>& panel, int /*group*/) {
  return {kUnitsPerBlock, panel.groups * kUnitsPerBlock, 0, panel.depth};
}

static inline PanelSteps steps_of(const Panel<Bf16>& panel, int group) {
  const std::int64_t side = (group | 1) < panel.groups ? 2 : 1;
  return {kTileSize, 2 * kUnitsPerBlock, side * kTileSize, kTileDepth};
}

// Where row k (a multiple of kTileDepth for bfloat16) of a group begins.
static inline const float* columns_of(const Panel<float>& panel, int group, std::int64_t k) {
  return panel.data + (k * panel.groups + group) * kUnitsPerBlock;
}

static inline const Bf16* columns_of(const Panel<Bf16>& panel, int group, std::int64_t k) {
  const PanelSteps steps = steps_of(panel, group);
  return panel.data + (group & ~1) * kUnitsPerBlock * panel.depth + k / kTileDepth * steps.tile +
         (group & 1) * kTileSize;
}

// A matrix of gates (G*units, width), rows in the order of the gates, as torch.nn keeps it.
struct GateMatrix {
  const float* values;   // (G*units, width) read
  std::int64_t gates;    // G
  std::int64_t units;
  std::int64_t width;
  // Which of the gates comes n-th in a panel.
  int order[4] = {0, 1, 2, 3};
};

// For products x*W^T: a panel for each `blocks_in_panel` blocks of 16 units, fewer in the last, of
// `depth` >= width rows and, block after block, G*16 columns; zeros where there is no unit or no
// row. A panel has 4 groups at most. `panels` holds G*U*depth elements, U >= units in whole blocks.
template <typename Element>
void pack_for_gates(const GateMatrix& matrix, std::int64_t blocks_in_panel,
                    std::int64_t padded_units, std::int64_t depth, Element* panels, int threads);

// For products g*W, of gates (G, U) in W's own order, U >= units: a panel for each 4 blocks of 16
// columns, fewer in the last, of G*U rows. `panels` holds G*U*P elements, P >= width in whole blocks.
template <typename Element>
void pack_for_state(const GateMatrix& matrix, std::int64_t padded_units,
                    std::int64_t padded_width, Element* panels, int threads);

}  // namespace suimon
