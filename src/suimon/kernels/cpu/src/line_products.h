// Products of rows of activations with the matrices of line_matrix.h.
//
// Included only by files compiled once for each instruction set, see vectors.h. Every sum adds its
// terms in the order of K, however many rows and columns are worked on together.
#pragma once

#include "line_matrix.h"
#include "products.h"

namespace suimon {
namespace {

typedef std::uint8_t Bytes __attribute__((vector_size(16)));

// Rows of activations in the type that is multiplied, K rounded up, a row `row_bytes` from the next.
struct Activations {
  const void* values;
  std::int64_t row_bytes;
  const float* scales;  // one for each row, int8 alone
};

// Sums of a line's 16 columns in registers as wide as the set has them: the compiler keeps a vector
// that is wider in memory, and adds to it there.
#if defined(__AVX512F__)
constexpr int kSumBytes = 64;
#elif defined(__AVX2__)
constexpr int kSumBytes = 32;
#else
constexpr int kSumBytes = 16;
#endif
constexpr int kParts = 64 / kSumBytes;
typedef float FloatSums __attribute__((vector_size(kSumBytes)));
typedef std::int32_t IntSums __attribute__((vector_size(kSumBytes)));

// What a weight is multiplied by, and what the products are added up in.
template <typename Element>
struct Terms {
  using Activation = Element;
  using Sums = FloatSums;
};
template <>
struct Terms<std::int8_t> {
  using Activation = std::uint8_t;
  using Sums = IntSums;
};

// Rows and groups whose sums stay in registers.
#if defined(__AVX512F__)
constexpr int kLineRows = 6;
constexpr int kLineGroups = 4;
#elif defined(__AVX2__) || defined(__aarch64__)
constexpr int kLineRows = 3;
constexpr int kLineGroups = 2;
#else
constexpr int kLineRows = 2;
constexpr int kLineGroups = 1;
#endif

// Add to sums the product of an activation, or of those side by side, with a part of a line.
SUIMON_INLINE FloatSums add_part(const float* a, const void* part, FloatSums sums) {
  FloatSums weights;
  std::memcpy(&weights, part, sizeof weights);
  return *a * weights + sums;
}

#if defined(SUIMON_AVX512_BF16)
SUIMON_INLINE FloatSums add_part(const Bf16* a, const void* part, FloatSums sums) {
  std::int32_t pair;
  std::memcpy(&pair, a, sizeof pair);
  return (FloatSums)_mm512_dpbf16_ps((__m512)sums, (__m512bh)_mm512_set1_epi32(pair),
                                     (__m512bh)_mm512_loadu_si512(part));
}
#endif

SUIMON_INLINE IntSums add_part(const std::uint8_t* a, const void* part, IntSums sums) {
  std::int32_t four;
  std::memcpy(&four, a, sizeof four);
#if defined(__AVX512VNNI__)
  return (IntSums)_mm512_dpbusd_epi32((__m512i)sums, _mm512_set1_epi32(four),
                                      _mm512_loadu_si512(part));
#elif defined(__AVX2__) && !defined(__AVX512F__)
  // The processor's product of bytes saturates; of 16-bit numbers it does not.
  const __m256i weights = _mm256_loadu_si256(static_cast<const __m256i*>(part));
  const __m256i even = _mm256_srai_epi16(_mm256_slli_epi16(weights, 8), 8);
  const __m256i odd = _mm256_srai_epi16(weights, 8);
  const __m256i of_even = _mm256_madd_epi16(even, _mm256_set1_epi32(four & 0x00ff00ff));
  const __m256i of_odd = _mm256_madd_epi16(odd, _mm256_set1_epi32(four >> 8 & 0x00ff00ff));
  return (IntSums)_mm256_add_epi32((__m256i)sums, _mm256_add_epi32(of_even, of_odd));
#else
  IntSums weights;
  std::memcpy(&weights, part, sizeof weights);
  for (int n = 0; n < 4; ++n) sums += (four >> 8 * n & 255) * ((weights << (24 - 8 * n)) >> 24);
  return sums;
#endif
}

// The sums of a row, which stand in z as what they were added up in, made what z is to hold.
template <typename Element>
SUIMON_INLINE void finish_row(const LineMatrix& matrix, std::int64_t group, std::int64_t groups,
                              float row_scale, float* z) {
  const std::int64_t end = (group + groups) * kLineColumns;
  for (std::int64_t at = group * kLineColumns; at < end; at += kLineColumns, z += kLineColumns) {
    Floats value = load(z);
    if constexpr (sizeof(Element) == 1) {
      Ints start;
      std::memcpy(&start, matrix.start + at, sizeof start);
      const Floats sum = __builtin_convertvector((Ints)value + start, Floats);
      value = sum * (load(matrix.scale + at) * row_scale);
    }
    store(z, value + load(matrix.bias + at));
  }
}

// Where a group's first line stands, and how many groups its panel has.
template <typename Element>
SUIMON_INLINE const Element* first_line(const LineMatrix& matrix, std::int64_t group,
                                        std::int64_t* side_by_side) {
  const std::int64_t panel = group / kPanelGroups * kPanelGroups;
  const std::int64_t left = matrix.groups - panel;
  *side_by_side = left < kPanelGroups ? left : kPanelGroups;
  return static_cast<const Element*>(matrix.lines) + panel * kLineColumns * matrix.depth +
         (group - panel) * kLineColumns * kPerLine<Element>;
}

// z of R rows and N groups of one panel, from `group` on.
template <typename Element, int R, int N>
SUIMON_INLINE void of_registers(const LineMatrix& matrix, std::int64_t group, const Activations& a,
                                std::int64_t row, float* z, std::int64_t z_stride) {
  using Activation = typename Terms<Element>::Activation;
  using Sums = typename Terms<Element>::Sums;
  std::int64_t side_by_side;
  const Element* line = first_line<Element>(matrix, group, &side_by_side);
  const std::int64_t step = side_by_side * kLineColumns * kPerLine<Element>;
  const char* rows = static_cast<const char*>(a.values) + row * a.row_bytes;
  Sums sums[R][N * kParts] = {};
  for (std::int64_t k = 0; k < matrix.depth; k += kPerLine<Element>, line += step) {
    const char* parts = reinterpret_cast<const char*>(line);
    for (int r = 0; r < R; ++r) {
      const auto* entry = reinterpret_cast<const Activation*>(rows + r * a.row_bytes) + k;
      for (int n = 0; n < N * kParts; ++n) {
        sums[r][n] = add_part(entry, parts + n * kSumBytes, sums[r][n]);
      }
    }
  }
  for (int r = 0; r < R; ++r) {
    float* to = z + r * z_stride;
    std::memcpy(to, sums[r], sizeof sums[r]);
    finish_row<Element>(matrix, group, N, a.scales == nullptr ? 1.0f : a.scales[row + r], to);
  }
}

template <typename Element, int N>
void of_some_rows(int rows, const LineMatrix& matrix, std::int64_t group, const Activations& a,
                  std::int64_t row, float* z, std::int64_t z_stride) {
  switch (rows) {
#if defined(__AVX512F__)
    case 6: return of_registers<Element, 6, N>(matrix, group, a, row, z, z_stride);
    case 5: return of_registers<Element, 5, N>(matrix, group, a, row, z, z_stride);
    case 4: return of_registers<Element, 4, N>(matrix, group, a, row, z, z_stride);
#endif
#if defined(__AVX2__) || defined(__aarch64__)
    case 3: return of_registers<Element, 3, N>(matrix, group, a, row, z, z_stride);
#endif
    case 2: return of_registers<Element, 2, N>(matrix, group, a, row, z, z_stride);
    default: return of_registers<Element, 1, N>(matrix, group, a, row, z, z_stride);
  }
}

template <typename Element>
void of_groups(const LineMatrix& matrix, std::int64_t group, std::int64_t groups,
               const Activations& a, std::int64_t rows, float* z, std::int64_t z_stride) {
  // As even as they come: 32 rows by 6 are two of 6 and four of 5, not five of 6 and one of 2.
  std::int64_t parts = (rows + kLineRows - 1) / kLineRows;
  for (std::int64_t row = 0; row < rows; --parts) {
    const int together = static_cast<int>((rows - row + parts - 1) / parts);
    float* to = z + row * z_stride;
    switch (groups) {
#if defined(__AVX512F__)
      case 4: of_some_rows<Element, 4>(together, matrix, group, a, row, to, z_stride); break;
      case 3: of_some_rows<Element, 3>(together, matrix, group, a, row, to, z_stride); break;
#endif
#if defined(__AVX512F__) || defined(__AVX2__) || defined(__aarch64__)
      case 2: of_some_rows<Element, 2>(together, matrix, group, a, row, to, z_stride); break;
#endif
      default: of_some_rows<Element, 1>(together, matrix, group, a, row, to, z_stride);
    }
    row += together;
  }
}

#ifdef SUIMON_AMX

// A yes or no that a template can take.
template <bool kChosen>
struct Choice {
  static constexpr bool value = kChosen;
};

// Below so many rows matrix registers stay so empty that vectors are quicker; sums of integers are
// the same either way. Those of bfloat16 are not, unless vectors add in the same order, which is
// quicker for one row alone.
constexpr std::int64_t kLeastRowsOfTiles = 8;

// The compiler takes a matrix register's number as a literal only.
#define SUIMON_MULTIPLY_TILES(SUM, ROWS, COLUMNS)                        \
  if constexpr (sizeof(Element) == 2) _tile_dpbf16ps(SUM, ROWS, COLUMNS); \
  else _tile_dpbusd(SUM, ROWS, COLUMNS)

template <typename Element, bool kTwoRows, bool kTwoColumns>
SUIMON_INLINE void in_step_tiles(const LineMatrix& matrix, const Element* line, std::int64_t step,
                                 const char* rows, std::int64_t row_bytes, float* z,
                                 std::int64_t z_stride) {
  const std::int64_t line_bytes = step * static_cast<std::int64_t>(sizeof(Element));
  const char* lower = rows + 16 * row_bytes;
  _tile_zero(0);
  if constexpr (kTwoColumns) _tile_zero(1);
  if constexpr (kTwoRows) _tile_zero(2);
  if constexpr (kTwoRows && kTwoColumns) _tile_zero(3);
  for (std::int64_t k = 0; k < matrix.depth; k += kLinesPerTile * kPerLine<Element>) {
    _tile_loadd(6, line, line_bytes);
    _tile_loadd(4, rows, row_bytes);
    SUIMON_MULTIPLY_TILES(0, 4, 6);
    if constexpr (kTwoRows) {
      _tile_loadd(5, lower, row_bytes);
      SUIMON_MULTIPLY_TILES(2, 5, 6);
    }
    if constexpr (kTwoColumns) {
      _tile_loadd(7, line + kLineColumns * kPerLine<Element>, line_bytes);
      SUIMON_MULTIPLY_TILES(1, 4, 7);
      if constexpr (kTwoRows) {
        SUIMON_MULTIPLY_TILES(3, 5, 7);
      }
    }
    line += kLinesPerTile * step;
    rows += 64;
    lower += 64;
  }
  const std::int64_t z_bytes = z_stride * 4;
  float* below = z + 16 * z_stride;
  _tile_stored(0, z, z_bytes);
  if constexpr (kTwoColumns) _tile_stored(1, z + kLineColumns, z_bytes);
  if constexpr (kTwoRows) _tile_stored(2, below, z_bytes);
  if constexpr (kTwoRows && kTwoColumns) _tile_stored(3, below + kLineColumns, z_bytes);
}

// Up to 16 rows and all 4 groups of a panel, whose lines are so read from front to back.
template <typename Element>
SUIMON_INLINE void in_panel_tiles(const LineMatrix& matrix, const Element* line, const char* rows,
                                  std::int64_t row_bytes, float* z, std::int64_t z_stride) {
  constexpr std::int64_t line_bytes = kPanelGroups * 64;
  const char* tile = reinterpret_cast<const char*>(line);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (std::int64_t k = 0; k < matrix.depth; k += kLinesPerTile * kPerLine<Element>) {
    _tile_loadd(4, rows, row_bytes);
    _tile_loadd(6, tile, line_bytes);
    SUIMON_MULTIPLY_TILES(0, 4, 6);
    _tile_loadd(7, tile + 64, line_bytes);
    SUIMON_MULTIPLY_TILES(1, 4, 7);
    _tile_loadd(6, tile + 128, line_bytes);
    SUIMON_MULTIPLY_TILES(2, 4, 6);
    _tile_loadd(7, tile + 192, line_bytes);
    SUIMON_MULTIPLY_TILES(3, 4, 7);
    tile += kLinesPerTile * line_bytes;
    rows += 64;
  }
  const std::int64_t z_bytes = z_stride * 4;
  _tile_stored(0, z, z_bytes);
  _tile_stored(1, z + kLineColumns, z_bytes);
  _tile_stored(2, z + 2 * kLineColumns, z_bytes);
  _tile_stored(3, z + 3 * kLineColumns, z_bytes);
}

#undef SUIMON_MULTIPLY_TILES

// One row of bfloat16 and N groups of a panel by vectors, which read the weights sooner than matrix
// registers that are nearly empty, with the same bits: within the lines of a register the first and
// the second of each pair have sums of their own, from zero, then all is added to what went before.
// (Intel's manual, TDPBF16PS.) It is not inline, so that nothing of it leaves its place between two
// changes of the processor's rounding mode.
template <int N>
__attribute__((noinline)) void of_row_as_tiles(const LineMatrix& matrix, const char* line,
                                               std::int64_t line_bytes, const char* row, float* z) {
  Floats sums[N] = {};
  for (std::int64_t k = 0; k < matrix.depth; k += kLinesPerTile * kPerLine<Bf16>) {
    __m512 first[N], second[N];
    for (int n = 0; n < N; ++n) first[n] = second[n] = _mm512_setzero_ps();
    for (int l = 0; l < kLinesPerTile; ++l, line += line_bytes, row += 4) {
      std::uint32_t pair;
      std::memcpy(&pair, row, sizeof pair);
      const Words pairs = Words{} + pair;
      const auto a_first = (__m512)(pairs << 16), a_second = (__m512)(pairs & 0xffff0000u);
      for (int n = 0; n < N; ++n) {
        Words weights;
        std::memcpy(&weights, line + 64 * n, sizeof weights);
        first[n] = _mm512_fmadd_ps(a_first, (__m512)(weights << 16), first[n]);
        second[n] = _mm512_fmadd_ps(a_second, (__m512)(weights & 0xffff0000u), second[n]);
      }
    }
    for (int n = 0; n < N; ++n) sums[n] += (Floats)first[n] + (Floats)second[n];
  }
  std::memcpy(z, sums, sizeof sums);
}

// Numbers below the least normal one count as zero, as they do in matrix registers.
class WithoutDenormals {
 public:
  WithoutDenormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040u); }
  ~WithoutDenormals() { _mm_setcsr(before_); }
  WithoutDenormals(const WithoutDenormals&) = delete;
  WithoutDenormals& operator=(const WithoutDenormals&) = delete;

 private:
  const unsigned before_;
};

inline void of_row_as_tiles(const LineMatrix& matrix, std::int64_t group, std::int64_t groups,
                            const Activations& a, float* z) {
  std::int64_t side_by_side;
  const auto* line = reinterpret_cast<const char*>(first_line<Bf16>(matrix, group, &side_by_side));
  const auto* row = static_cast<const char*>(a.values);
  const WithoutDenormals mode;
  switch (groups) {
    case 4: of_row_as_tiles<4>(matrix, line, 64 * side_by_side, row, z); break;
    case 3: of_row_as_tiles<3>(matrix, line, 64 * side_by_side, row, z); break;
    case 2: of_row_as_tiles<2>(matrix, line, 64 * side_by_side, row, z); break;
    default: of_row_as_tiles<1>(matrix, line, 64 * side_by_side, row, z);
  }
}

template <typename Element>
void of_tiles(Tiles& tiles, const LineMatrix& matrix, std::int64_t group, std::int64_t groups,
              const Activations& a, std::int64_t rows, float* z, std::int64_t z_stride) {
  std::int64_t side_by_side;
  const Element* line = first_line<Element>(matrix, group, &side_by_side);
  const std::int64_t step = side_by_side * kLineColumns * kPerLine<Element>;
  for (std::int64_t row = 0; row < rows; row += 32) {
    const int together = static_cast<int>(rows - row < 32 ? rows - row : 32);
    const char* from = static_cast<const char*>(a.values) + row * a.row_bytes;
    if (together <= 16 && groups == kPanelGroups) {
      tiles.shape(together, together);
      in_panel_tiles(matrix, line, from, a.row_bytes, z + row * z_stride, z_stride);
      continue;
    }
    const int upper = together < 16 ? together : 16;
    tiles.shape(upper, together - upper);
    for (std::int64_t n = 0; n < groups; n += 2) {
      const Element* columns = line + n * kLineColumns * kPerLine<Element>;
      float* to = z + row * z_stride + n * kLineColumns;
      const auto run = [&](auto two_rows, auto two_columns) {
        in_step_tiles<Element, two_rows.value, two_columns.value>(matrix, columns, step, from,
                                                                  a.row_bytes, to, z_stride);
      };
      const Choice<true> yes;
      const Choice<false> no;
      if (n + 1 < groups) together > 16 ? run(yes, yes) : run(no, yes);
      else together > 16 ? run(yes, no) : run(no, no);
    }
  }
  for (std::int64_t row = 0; row < rows; ++row) {
    const float scale = a.scales == nullptr ? 1.0f : a.scales[row];
    finish_row<Element>(matrix, group, groups, scale, z + row * z_stride);
  }
}

#endif

// z (rows, columns of some panels): groups from `first`, a multiple of 4, to `end`; from the last
// panel to the first where `backwards`.
template <typename Element>
void line_product([[maybe_unused]] Tiles& tiles, const LineMatrix& matrix, std::int64_t first,
                  std::int64_t end, const Activations& a, std::int64_t rows, float* z_first,
                  std::int64_t z_stride, bool backwards) {
  const std::int64_t panels = (end - first + kPanelGroups - 1) / kPanelGroups;
  for (std::int64_t panel = 0; panel < panels; ++panel) {
    const std::int64_t past = (backwards ? panels - 1 - panel : panel) * kPanelGroups;
    const std::int64_t group = first + past;
    float* const z = z_first + past * kLineColumns;
    const std::int64_t groups = end - group < kPanelGroups ? end - group : kPanelGroups;
#ifdef SUIMON_AMX
    if constexpr (sizeof(Element) == 2) {
      if (rows == 1) {
        of_row_as_tiles(matrix, group, groups, a, z);
        finish_row<Element>(matrix, group, groups, 1.0f, z);
        continue;
      }
    }
    if (sizeof(Element) == 2 || rows >= kLeastRowsOfTiles) {
      of_tiles<Element>(tiles, matrix, group, groups, a, rows, z, z_stride);
      continue;
    }
    constexpr bool in_vectors = sizeof(Element) == 1;
#else
    constexpr bool in_vectors = true;
#endif
    if constexpr (in_vectors) {
      for (std::int64_t n = 0; n < groups; n += kLineGroups) {
        const std::int64_t some = groups - n < kLineGroups ? groups - n : kLineGroups;
        of_groups<Element>(matrix, group + n, some, a, rows, z + n * kLineColumns, z_stride);
      }
    }
  }
}

}  // namespace
}  // namespace suimon
