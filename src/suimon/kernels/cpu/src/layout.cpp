#include "layout.h"

#include <algorithm>

namespace suimon {
namespace {

// Where a unit's sum stands in (U/16, Z, 16).
std::int64_t place(const BiasLayout& layout, int sum, std::int64_t unit) {
  return (unit / kUnitsPerBlock * layout.cell.sums() + sum) * kUnitsPerBlock +
         unit % kUnitsPerBlock;
}

// Call visit(place of the sum, place in the bias) for each gate and unit of one bias.
void for_bias(const BiasLayout& layout, bool from_x, const auto& visit) {
  for (int n = 0; n < layout.cell.gates(); ++n) {
    const int sum = from_x ? n : layout.cell.first_from_h() + n;
    const int gate = from_x ? layout.order[n] : n;
    for (std::int64_t unit = 0; unit < layout.units; ++unit) {
      visit(place(layout, sum, unit), gate * layout.units + unit);
    }
  }
}

}  // namespace

void to_columns(const float* rows, std::int64_t B, std::int64_t width, std::int64_t N,
                std::int64_t column_width, float* columns) {
  for (std::int64_t n = 0; n < N; ++n) {
    const std::int64_t begin = n * column_width;
    const std::int64_t inside =
        rows == nullptr ? 0 : std::clamp<std::int64_t>(width - begin, 0, column_width);
    for (std::int64_t row = 0; row < B; ++row, columns += column_width) {
      if (inside > 0) std::copy_n(rows + row * width + begin, inside, columns);
      std::fill(columns + inside, columns + column_width, 0.0f);
    }
  }
}

void from_columns(const float* columns, std::int64_t B, std::int64_t width,
                  std::int64_t column_width, float* rows) {
  for (std::int64_t begin = 0; begin < width; begin += column_width) {
    const std::int64_t inside = std::min(width - begin, column_width);
    for (std::int64_t row = 0; row < B; ++row, columns += column_width) {
      std::copy_n(columns, inside, rows + row * width + begin);
    }
  }
}

template <typename Element>
void to_first_factor(const float* h_0, std::int64_t B, std::int64_t width, std::int64_t P,
                     const std::uint8_t* marks, const float* mask, Element* factor) {
  for (std::int64_t row = 0; row < B; ++row) {
    const bool restarts = marks != nullptr && marks[row] == kRestart;
    for (std::int64_t unit = 0; unit < P; ++unit) {
      float h = restarts || unit >= width ? 0.0f : h_0[row * width + unit];
      if (mask != nullptr) h *= mask[row * P + unit];
      put(factor + row * P + unit, h);
    }
  }
}

template void to_first_factor(const float*, std::int64_t, std::int64_t, std::int64_t,
                              const std::uint8_t*, const float*, float*);
template void to_first_factor(const float*, std::int64_t, std::int64_t, std::int64_t,
                              const std::uint8_t*, const float*, Bf16*);

void to_sums(const BiasLayout& layout, const float* bias_ih, const float* bias_hh, float* sums) {
  std::fill(sums, sums + layout.padded_units * layout.cell.sums(), 0.0f);
  for (const bool from_x : {true, false}) {
    const float* bias = from_x ? bias_ih : bias_hh;
    if (bias == nullptr) continue;
    for_bias(layout, from_x, [&](std::int64_t to, std::int64_t from) { sums[to] += bias[from]; });
  }
}

void from_sums(const BiasLayout& layout, const float* sums, std::int64_t members, float* grad_ih,
               float* grad_hh) {
  const std::int64_t size = layout.padded_units * layout.cell.sums();
  for (const bool from_x : {true, false}) {
    float* grad = from_x ? grad_ih : grad_hh;
    for_bias(layout, from_x, [&](std::int64_t from, std::int64_t to) {
      float total = 0.0f;
      for (std::int64_t member = 0; member < members; ++member) total += sums[member * size + from];
      grad[to] = total;
    });
  }
}

}  // namespace suimon
