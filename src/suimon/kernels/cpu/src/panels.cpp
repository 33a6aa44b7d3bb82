#include "panels.h"

#include <algorithm>

#include "thread_pool.h"

namespace suimon {
namespace {

// Where element (k, column) of a group stands, from columns_of(panel, group, 0).
template <typename Element>
std::int64_t offset(const PanelSteps& steps, std::int64_t k, std::int64_t column) {
  constexpr std::int64_t side = kSideBySide<Element>;
  const std::int64_t within = k % steps.tile_depth;
  return k / steps.tile_depth * steps.tile + within / side * steps.row + column * side +
         within % side;
}

// One row of W becomes one column of a group: `filled` entries, then zeros to the end.
template <typename Element>
void put_column(Element* group, const PanelSteps& steps, std::int64_t depth, std::int64_t column,
                const float* row, std::int64_t filled) {
  constexpr std::int64_t side = kSideBySide<Element>;
  std::int64_t k = 0;
  while (k < filled) {
    Element* to = group + offset<Element>(steps, k, column);
    const std::int64_t end = std::min(filled, k + steps.tile_depth - k % steps.tile_depth);
    for (; k + side <= end; k += side, to += steps.row) {
      for (std::int64_t n = 0; n < side; ++n) put(to + n, row[k + n]);
    }
    for (std::int64_t n = 0; k < end; ++k, ++n) put(to + n, row[k]);
  }
  for (; k < depth; ++k) put(group + offset<Element>(steps, k, column), 0.0f);
}

}  // namespace

template <typename Element>
void pack_for_gates(const GateMatrix& matrix, std::int64_t blocks_in_panel,
                    std::int64_t padded_units, std::int64_t depth, Element* panels, int threads) {
  const std::int64_t blocks = padded_units / kUnitsPerBlock;
  const std::int64_t columns = matrix.gates * kUnitsPerBlock;  // of one block
  const auto pack_panel = [&](int index) {
    const std::int64_t first = index * blocks_in_panel;
    const std::int64_t count = std::min(blocks_in_panel, blocks - first);
    Element* data = panels + first * depth * columns;
    const Panel<Element> panel{data, static_cast<int>(count * matrix.gates), depth};
    for (int g = 0; g < panel.groups; ++g) {
      Element* group = data + (columns_of(panel, g, 0) - data);
      const std::int64_t gate = matrix.order[g % matrix.gates];
      const std::int64_t begin = (first + g / matrix.gates) * kUnitsPerBlock;
      for (std::int64_t column = 0; column < kUnitsPerBlock; ++column) {
        const std::int64_t unit = begin + column;
        const float* row = matrix.values + (gate * matrix.units + unit) * matrix.width;
        put_column(group, steps_of(panel, g), depth, column, row,
                   unit < matrix.units ? matrix.width : 0);
      }
    }
  };
  const std::int64_t count = (blocks + blocks_in_panel - 1) / blocks_in_panel;
  run_in_parallel(static_cast<int>(count), threads, pack_panel);
}

template <typename Element>
void pack_for_state(const GateMatrix& matrix, std::int64_t padded_units,
                    std::int64_t padded_width, Element* panels, int threads) {
  const std::int64_t blocks = padded_width / kUnitsPerBlock;
  const std::int64_t depth = matrix.gates * padded_units;
  const auto pack_panel = [&](int index) {
    const std::int64_t first = index * kBlocksPerPanel;
    const auto groups = static_cast<int>(std::min(kBlocksPerPanel, blocks - first));
    Element* data = panels + first * kUnitsPerBlock * depth;
    const Panel<Element> panel{data, groups, depth};
    for (std::int64_t k = 0; k < depth; ++k) {
      const std::int64_t unit = k % padded_units;
      const float* row = matrix.values + (k / padded_units * matrix.units + unit) * matrix.width;
      for (int g = 0; g < groups; ++g) {
        const PanelSteps steps = steps_of(panel, g);
        Element* to = data + (columns_of(panel, g, 0) - data) + offset<Element>(steps, k, 0);
        const std::int64_t begin = (first + g) * kUnitsPerBlock;
        for (std::int64_t column = 0; column < kUnitsPerBlock; ++column) {
          const bool inside = unit < matrix.units && begin + column < matrix.width;
          put(to + column * kSideBySide<Element>, inside ? row[begin + column] : 0.0f);
        }
      }
    }
  };
  const std::int64_t count = (blocks + kBlocksPerPanel - 1) / kBlocksPerPanel;
  run_in_parallel(static_cast<int>(count), threads, pack_panel);
}

#define SUIMON_PACK(ELEMENT)                                                                   \
  template void pack_for_gates(const GateMatrix&, std::int64_t, std::int64_t, std::int64_t,   \
                               ELEMENT*, int);                                                \
  template void pack_for_state(const GateMatrix&, std::int64_t, std::int64_t, ELEMENT*, int);
SUIMON_PACK(float)
SUIMON_PACK(Bf16)
#undef SUIMON_PACK

}  // namespace suimon
