// States and biases between torch.nn's layout and that of the loops, whose units stand in blocks.
#pragma once

#include <cstdint>

#include "panels.h"
#include "sequence.h"

namespace suimon {

// rows (B, width) to columns (N, B, column_width), N*column_width >= width, zeros beyond `width`.
// No rows: zeros everywhere.
void to_columns(const float* rows, std::int64_t B, std::int64_t width, std::int64_t N,
                std::int64_t column_width, float* columns);

// columns (N, B, column_width) to rows (B, width).
void from_columns(const float* columns, std::int64_t B, std::int64_t width,
                  std::int64_t column_width, float* rows);

// The factor of the first step's recurrent product, (B, P), from h_0 (B, width): zero where the row
// restarts by `marks` (B), times `mask` (B, P); either may be null.
template <typename Element>
void to_first_factor(const float* h_0, std::int64_t B, std::int64_t width, std::int64_t P,
                     const std::uint8_t* marks, const float* mask, Element* factor);

// A cell's two biases (G*units), gates as torch.nn stores them, and which of these comes n-th among
// the sums with x; those with h begin at the cell's first_from_h(), in stored order.
struct BiasLayout {
  CellForm cell;
  std::int64_t units;
  std::int64_t padded_units;  // U
  int order[4];               // as GateMatrix has it
};

// Both in the sums that they belong to, (U/16, Z, 16), zeros beyond the units. Either may be null.
void to_sums(const BiasLayout& layout, const float* bias_ih, const float* bias_hh, float* sums);

// The gradient of both from that of the sums, (members, U/16, Z, 16), added up over the members.
void from_sums(const BiasLayout& layout, const float* sums, std::int64_t members, float* grad_ih,
               float* grad_hh);

}  // namespace suimon
