#include "panels.h"

#include <algorithm>
#include <cstring>

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

// A line of a panel: 64 bytes, a word for each column of a group, that is one float32, or the two
// bfloat16 that stand side by side. Some lines are put together before they go to the panel; one
// column after another would touch all of them each time.
constexpr std::int64_t kLines = 16;
typedef std::uint32_t Lines[kLines][kUnitsPerBlock];
typedef std::uint32_t Columns[kUnitsPerBlock][kLines];
typedef std::uint32_t FourWords __attribute__((vector_size(16), aligned(4)));

// Rows of four become columns of four.
void transpose_four(const std::uint32_t* from, std::uint32_t* to) {
  FourWords row[4];
  for (int n = 0; n < 4; ++n) std::memcpy(&row[n], from + n * kLines, sizeof row[n]);
  const FourWords a = __builtin_shufflevector(row[0], row[1], 0, 4, 1, 5);
  const FourWords b = __builtin_shufflevector(row[2], row[3], 0, 4, 1, 5);
  const FourWords c = __builtin_shufflevector(row[0], row[1], 2, 6, 3, 7);
  const FourWords d = __builtin_shufflevector(row[2], row[3], 2, 6, 3, 7);
  row[0] = __builtin_shufflevector(a, b, 0, 1, 4, 5);
  row[1] = __builtin_shufflevector(a, b, 2, 3, 6, 7);
  row[2] = __builtin_shufflevector(c, d, 0, 1, 4, 5);
  row[3] = __builtin_shufflevector(c, d, 2, 3, 6, 7);
  for (int n = 0; n < 4; ++n) std::memcpy(to + n * kUnitsPerBlock, &row[n], sizeof row[n]);
}

void transpose(const Columns& columns, Lines& lines) {
  for (int n = 0; n < kLines; n += 4) {
    for (int column = 0; column < kUnitsPerBlock; column += 4) {
      transpose_four(&columns[column][n], &lines[n][column]);
    }
  }
}

// Rows of W become the columns of a group: `filled` entries of `count` rows, `width` apart, and zeros
// in all other places of the group, `depth` deep.
template <typename Element>
void put_columns(Element* group, const PanelSteps& steps, std::int64_t depth, const float* rows,
                 std::int64_t width, std::int64_t count, std::int64_t filled) {
  constexpr std::int64_t side = kSideBySide<Element>;
  constexpr std::int64_t together = kLines * side;
  alignas(64) Columns columns{};
  alignas(64) Lines lines;
  for (std::int64_t k = 0; k < depth; k += together) {
    const std::int64_t here = std::clamp<std::int64_t>(filled - k, 0, together);
    for (std::int64_t column = 0; column < count; ++column) {
      const float* row = rows + column * width + k;
      Element entries[together] = {};
      if (here == together) {  // of a known length: the compiler makes it vectors
        for (std::int64_t n = 0; n < together; ++n) put(entries + n, row[n]);
      } else {
        for (std::int64_t n = 0; n < here; ++n) put(entries + n, row[n]);
      }
      std::memcpy(columns[column], entries, sizeof entries);
    }
    transpose(columns, lines);
    for (std::int64_t n = 0; n < kLines && k + n * side < depth; ++n) {
      std::memcpy(group + offset<Element>(steps, k + n * side, 0), lines[n], sizeof lines[n]);
    }
  }
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
      const std::int64_t inside = std::clamp<std::int64_t>(matrix.units - begin, 0, kUnitsPerBlock);
      const float* rows = matrix.values + (gate * matrix.units + begin) * matrix.width;
      put_columns(group, steps_of(panel, g), depth, rows, matrix.width, inside, matrix.width);
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
        const std::int64_t inside =
            unit < matrix.units ? std::min(matrix.width - begin, kUnitsPerBlock) : 0;
        for (std::int64_t column = 0; column < inside; ++column) {
          put(to + column * kSideBySide<Element>, row[begin + column]);
        }
        for (std::int64_t column = std::max<std::int64_t>(inside, 0); column < kUnitsPerBlock;
             ++column) {
          put(to + column * kSideBySide<Element>, 0.0f);
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
