// Products with packed matrices: C (M, G*16) = A (M, K) * P (K, G*16), or C += that.
//
// Included only by files compiled once for each instruction set, see vectors.h. Rows of A and of C
// lie `a_stride` and `c_stride` elements apart. How a panel lies in memory, panels.h says.
#pragma once

#include "panels.h"
#include "vectors.h"

#if defined(SUIMON_AMX) || defined(SUIMON_AVX512_BF16)
#include <immintrin.h>
#define SUIMON_PAIRS  // bfloat16, two neighbours at a time
#endif

namespace suimon {
namespace {

// Whether a product is added to what stands in C, or written over it.
enum class Into { sum, fresh };

// How many rows and groups of 16 columns stay in registers: nearly all that the set has.
#if defined(SUIMON_PAIRS)
constexpr int kRows = 6;
constexpr int kGroups = 2;  // as many as lie side by side in a panel
#elif defined(__AVX512F__)
constexpr int kRows = 6;
constexpr int kGroups = 4;
#elif defined(__AVX2__) || defined(__aarch64__)
constexpr int kRows = 3;
constexpr int kGroups = 2;
#else
constexpr int kRows = 2;
constexpr int kGroups = 1;
#endif

// One row of one group of a panel times one entry of A, which is a float or a pair of bfloat16.
SUIMON_INLINE Floats multiply_add(const float* a, const float* column, Floats sum) {
  return *a * load(column) + sum;
}

#ifdef SUIMON_PAIRS
SUIMON_INLINE Floats multiply_add(const Bf16* a, const Bf16* column, Floats sum) {
  std::int32_t pair;
  std::memcpy(&pair, a, sizeof pair);
  return (Floats)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_epi32(pair),
                                  (__m512bh)_mm512_loadu_si512(column));
}
#endif

// Sums of R rows by N groups. The loops over them are unrolled before anything else: else the
// compiler keeps a copy of them in memory.
template <int R, int N>
struct Sums {
  Floats at[R][N];

  template <typename Element>
  [[gnu::always_inline]] void add(const Element* A, std::int64_t a_stride, const Element* column,
                                  std::int64_t group) {
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n) {
        at[r][n] = multiply_add(A + r * a_stride, column + n * group, at[r][n]);
      }
    }
  }

  [[gnu::always_inline]] void read(const float* C, std::int64_t c_stride) {
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n) at[r][n] = load(C + r * c_stride + n * kLanes);
    }
  }

  [[gnu::always_inline]] void write(float* C, std::int64_t c_stride) const {
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n) store(C + r * c_stride + n * kLanes, at[r][n]);
    }
  }

  [[gnu::always_inline]] void add(const Sums& other) {
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n) at[r][n] += other.at[r][n];
    }
  }
};

// Fetch into the second level of cache, for soon.
SUIMON_INLINE void fetch(const void* line) {
#if defined(__GNUC__)
  __builtin_prefetch(line, 0, 2);
#endif
}

// `ahead`: what to fetch meanwhile, a line of 64 bytes with each row of the panel, or null.
template <Into kInto, int R, int N, typename Element>
SUIMON_INLINE void in_registers(std::int64_t K, const Element* A, std::int64_t a_stride,
                                const Element* columns, PanelSteps steps, float* C,
                                std::int64_t c_stride, const Element* ahead) {
  constexpr std::int64_t side = kSideBySide<Element>;
  // A sum waits some cycles for its last term. Where there are few, each is made in two halves.
  constexpr bool in_halves = R * N <= 4;
  Sums<R, N> sums{}, half{};
  if constexpr (kInto == Into::sum) sums.read(C, c_stride);
  for (std::int64_t done = 0; done < K; done += steps.tile_depth) {
    const std::int64_t end = K - done < steps.tile_depth ? K : done + steps.tile_depth;
    const Element* column = columns;
    std::int64_t k = done;
    if constexpr (in_halves) {
      for (; k + 2 * side <= end; k += 2 * side, column += 2 * steps.row) {
        sums.add(A + k, a_stride, column, steps.group);
        half.add(A + k + side, a_stride, column + steps.row, steps.group);
      }
    }
    if (ahead != nullptr) {
      for (; k < end; k += side, column += steps.row, ahead += kLanes * side) {
        fetch(ahead);
        sums.add(A + k, a_stride, column, steps.group);
      }
    }
    for (; k < end; k += side, column += steps.row) {
      sums.add(A + k, a_stride, column, steps.group);
    }
    columns += steps.tile;
  }
  if constexpr (in_halves) sums.add(half);
  sums.write(C, c_stride);
}

template <Into kInto, int N, typename Element>
void some_rows(int rows, std::int64_t K, const Element* A, std::int64_t a_stride,
               const Element* columns, PanelSteps steps, float* C, std::int64_t c_stride,
               const Element* ahead) {
  switch (rows) {
#if defined(__AVX512F__)
    case 6: return in_registers<kInto, 6, N>(K, A, a_stride, columns, steps, C, c_stride, ahead);
    case 5: return in_registers<kInto, 5, N>(K, A, a_stride, columns, steps, C, c_stride, ahead);
    case 4: return in_registers<kInto, 4, N>(K, A, a_stride, columns, steps, C, c_stride, ahead);
#endif
#if defined(__AVX2__) || defined(__aarch64__)
    case 3: return in_registers<kInto, 3, N>(K, A, a_stride, columns, steps, C, c_stride, ahead);
#endif
    case 2: return in_registers<kInto, 2, N>(K, A, a_stride, columns, steps, C, c_stride, ahead);
    default: return in_registers<kInto, 1, N>(K, A, a_stride, columns, steps, C, c_stride, ahead);
  }
}

template <Into kInto, typename Element>
void product_in_registers(std::int64_t M, std::int64_t K, const Element* A, std::int64_t a_stride,
                          const Panel<Element>& panel, std::int64_t k_begin, float* C,
                          std::int64_t c_stride) {
  const Element* ahead = panel.ahead;
  int to_fetch = panel.groups;  // rows are taken in parts, and a group is fetched with each of these
  for (int g = 0; g < panel.groups; g += kGroups) {
    const int groups = panel.groups - g < kGroups ? panel.groups - g : kGroups;
    const PanelSteps steps = steps_of(panel, g);
    const Element* columns = columns_of(panel, g, k_begin);
    // As even as they come: 32 rows by 6 are two of 6 and four of 5, not five of 6 and one of 2.
    std::int64_t parts = (M + kRows - 1) / kRows;
    for (std::int64_t m = 0; m < M; --parts) {
      const int rows = static_cast<int>((M - m + parts - 1) / parts);
      const Element* a = A + m * a_stride;
      float* c = C + m * c_stride + g * kLanes;
      switch (groups) {
#if defined(__AVX512F__) && !defined(SUIMON_PAIRS)
        case 4:
          some_rows<kInto, 4>(rows, K, a, a_stride, columns, steps, c, c_stride, ahead);
          break;
        case 3:
          some_rows<kInto, 3>(rows, K, a, a_stride, columns, steps, c, c_stride, ahead);
          break;
#endif
#if defined(__AVX512F__) || defined(__AVX2__) || defined(__aarch64__)
        case 2:
          some_rows<kInto, 2>(rows, K, a, a_stride, columns, steps, c, c_stride, ahead);
          break;
#endif
        default: some_rows<kInto, 1>(rows, K, a, a_stride, columns, steps, c, c_stride, ahead);
      }
      if (ahead != nullptr) ahead = --to_fetch > 0 ? ahead + K * kLanes : nullptr;
      m += rows;
    }
  }
}

#ifdef SUIMON_AMX

// How the matrix registers are shaped, as the processor reads it.
struct alignas(64) TileConfig {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t bytes[16] = {};
  std::uint8_t rows[16] = {};
};

// The matrix registers as a loop uses them: sums of two groups of rows by two of columns in 0 to 3,
// rows of A in 4 and 5, columns of a panel in 6 and 7.
class Tiles {
 public:
  Tiles() = default;
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;
  ~Tiles() {
    if (upper_ >= 0) _tile_release();
  }

  // Rows of the upper and of the lower group, 1 to 16 and 0 to 16.
  void shape(int upper, int lower) {
    if (upper == upper_ && lower == lower_) return;
    upper_ = upper;
    lower_ = lower;
    TileConfig config;
    const int low = lower > 0 ? lower : 1;
    const int rows[8] = {upper, upper, low, low, upper, low, 16, 16};
    for (int tile = 0; tile < 8; ++tile) {
      config.bytes[tile] = 64;
      config.rows[tile] = static_cast<std::uint8_t>(rows[tile]);
    }
    _tile_loadconfig(&config);
  }

 private:
  int upper_ = -1;
  int lower_ = -1;
};

template <Into kInto, bool kTwoRows, bool kTwoColumns>
SUIMON_INLINE void in_tiles(std::int64_t K, const Bf16* A, std::int64_t a_stride,
                            const Bf16* columns, PanelSteps steps, float* C,
                            std::int64_t c_stride) {
  const std::int64_t a_bytes = a_stride * 2;
  const std::int64_t c_bytes = c_stride * 4;
  const Bf16* lower = A + 16 * a_stride;
  float* below = C + 16 * c_stride;
  if constexpr (kInto == Into::fresh) {
    _tile_zero(0);
    if constexpr (kTwoColumns) _tile_zero(1);
    if constexpr (kTwoRows) _tile_zero(2);
    if constexpr (kTwoRows && kTwoColumns) _tile_zero(3);
  } else {
    _tile_loadd(0, C, c_bytes);
    if constexpr (kTwoColumns) _tile_loadd(1, C + kLanes, c_bytes);
    if constexpr (kTwoRows) _tile_loadd(2, below, c_bytes);
    if constexpr (kTwoRows && kTwoColumns) _tile_loadd(3, below + kLanes, c_bytes);
  }
  for (std::int64_t k = 0; k < K; k += kTileDepth) {
    _tile_loadd(6, columns, 64);
    _tile_loadd(4, A + k, a_bytes);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (kTwoRows) {
      _tile_loadd(5, lower + k, a_bytes);
      _tile_dpbf16ps(2, 5, 6);
    }
    if constexpr (kTwoColumns) {
      _tile_loadd(7, columns + steps.group, 64);
      _tile_dpbf16ps(1, 4, 7);
      if constexpr (kTwoRows) _tile_dpbf16ps(3, 5, 7);
    }
    columns += steps.tile;
  }
  _tile_stored(0, C, c_bytes);
  if constexpr (kTwoColumns) _tile_stored(1, C + kLanes, c_bytes);
  if constexpr (kTwoRows) _tile_stored(2, below, c_bytes);
  if constexpr (kTwoRows && kTwoColumns) _tile_stored(3, below + kLanes, c_bytes);
}

// Up to so many rows vectors are quicker than matrix registers, which take sixteen.
constexpr std::int64_t kFewRows = 1;

template <Into kInto>
void product(Tiles& tiles, std::int64_t M, std::int64_t K, const Bf16* A, std::int64_t a_stride,
             const Panel<Bf16>& panel, std::int64_t k_begin, float* C, std::int64_t c_stride) {
  if (M <= kFewRows) {
    return product_in_registers<kInto>(M, K, A, a_stride, panel, k_begin, C, c_stride);
  }
  for (std::int64_t m = 0; m < M; m += 32) {
    const int rows = static_cast<int>(M - m < 32 ? M - m : 32);
    const int upper = rows < 16 ? rows : 16;
    tiles.shape(upper, rows - upper);
    const Bf16* a = A + m * a_stride;
    for (int g = 0; g < panel.groups; g += 2) {
      const PanelSteps steps = steps_of(panel, g);
      const Bf16* columns = columns_of(panel, g, k_begin);
      float* c = C + m * c_stride + g * kLanes;
      const bool two_columns = g + 1 < panel.groups;
      if (rows > 16) {
        if (two_columns) in_tiles<kInto, true, true>(K, a, a_stride, columns, steps, c, c_stride);
        else in_tiles<kInto, true, false>(K, a, a_stride, columns, steps, c, c_stride);
      } else {
        if (two_columns) in_tiles<kInto, false, true>(K, a, a_stride, columns, steps, c, c_stride);
        else in_tiles<kInto, false, false>(K, a, a_stride, columns, steps, c, c_stride);
      }
    }
  }
}

#else

struct Tiles {};  // no matrix registers

template <Into kInto, typename Element>
void product(Tiles&, std::int64_t M, std::int64_t K, const Element* A, std::int64_t a_stride,
             const Panel<Element>& panel, std::int64_t k_begin, float* C, std::int64_t c_stride) {
  product_in_registers<kInto>(M, K, A, a_stride, panel, k_begin, C, c_stride);
}

#endif

}  // namespace
}  // namespace suimon
