// Layer normalisation over the units of one row, forward and back.
//
// Included only by sequence_loops.cpp, which is compiled once for each instruction set.
#pragma once

#include "sequence_parts.h"

namespace suimon::SUIMON_ISA {
namespace {

constexpr float kEpsilon = 1e-5f;  // as suimon/cells/normalisation.py has it

// Mean, and one over the deviation.
struct Spread {
  float mean;
  float rate;
};

// Gates that are normalised together: so many, of which the first stands at vector `place` of a
// tile's sums and is `gate` of its product. `slot` is where their rate is kept.
template <int kCount>
struct Together {
  int place = 0;
  int gate = 0;
  int slot = 0;
};

// Those of a GRU, whose sums are n r z m: of n r z with x, and of r z m with h.
constexpr Together<1> kNewFromX{0, 0, 1};
constexpr Together<2> kGatesFromX{1, 1, 0};
constexpr Together<2> kGatesFromH{1, 0, 0};
constexpr Together<1> kNewFromH{3, 2, 1};

// Call work(group) with all gates of a cell together: Elman's, or an LSTM's three or four.
template <Kind kKind>
SUIMON_INLINE void with_all_gates(const CellForm& cell, const auto& work) {
  if constexpr (kKind == Kind::elman) {
    work(Together<1>{});
  } else if (cell.gates() == 3) {
    work(Together<3>{});
  } else {
    work(Together<4>{});
  }
}

// The sum of all lanes, halves added to halves.
SUIMON_INLINE float total(Floats values) {
  typedef float Eight __attribute__((vector_size(32)));
  typedef float Four __attribute__((vector_size(16)));
  Eight halves[2];
  std::memcpy(halves, &values, sizeof halves);
  const Eight eight = halves[0] + halves[1];
  Four quarters[2];
  std::memcpy(quarters, &eight, sizeof quarters);
  const Four four = quarters[0] + quarters[1];
  return (four[0] + four[1]) + (four[2] + four[3]);
}

// The sum of value(block, n), n from 0 to kCount, over all blocks: in chains of their own, for an
// addition takes as long as four can be begun in.
template <int kCount>
SUIMON_INLINE Floats added_up(const SequenceShape& shape, const auto& value) {
  const std::int64_t blocks = shape.units / kUnitsPerBlock;
  Floats even[kCount] = {}, odd[kCount] = {};
  std::int64_t block = 0;
  for (; block + 2 <= blocks; block += 2) {
    for (int n = 0; n < kCount; ++n) {
      even[n] += value(block, n);
      odd[n] += value(block + 1, n);
    }
  }
  if (block < blocks) {
    for (int n = 0; n < kCount; ++n) even[n] += value(block, n);
  }
  Floats sum{};
  for (int n = 0; n < kCount; ++n) sum += even[n] + odd[n];
  return sum;
}

// One for each lane of a block that has a unit, zero for the others.
SUIMON_INLINE Floats filled(const SequenceShape& shape, std::int64_t block) {
  const std::int64_t units = shape.filled - block * kLanes;
  if (units >= kLanes) return all(1.0f);
  Floats lanes{};
  for (std::int64_t lane = 0; lane < units; ++lane) lanes[lane] = 1.0f;
  return lanes;
}

// Of value(block, n), n from 0 to kCount, over the units of all blocks; zeros beyond them.
template <int kCount>
SUIMON_INLINE Spread spread_of(const SequenceShape& shape, const auto& value) {
  const float size = static_cast<float>(shape.filled * kCount);
  const float mean = total(added_up<kCount>(shape, value)) / size;
  const Floats squares = added_up<kCount>(shape, [&](std::int64_t block, int n) {
    const Floats apart = (value(block, n) - mean) * filled(shape, block);
    return apart * apart;
  });
  return {mean, 1.0f / __builtin_sqrtf(total(squares) / size + kEpsilon)};
}

// What every unit's gradient loses on its way back through a norm: the means of the gradient, and of
// the gradient times the normalised value.
struct Means {
  float grad;
  float grad_normed;

  // The gradient before the norm, from that after it and before its gain; `rate` is zero beyond the
  // units.
  Floats back(Floats grad_normed_value, Floats normed, Floats rate) const {
    return (grad_normed_value - grad - normed * grad_normed) * rate;
  }
};

// Of gradients grad(block, n) and normalised values normed(block, n).
template <int kCount>
SUIMON_INLINE Means means_of(const SequenceShape& shape, const auto& grad, const auto& normed) {
  const float size = static_cast<float>(shape.filled * kCount);
  Floats with_normed[kCount] = {};
  const Floats sum = added_up<kCount>(shape, [&](std::int64_t block, int n) {
    const Floats each = grad(block, n);
    with_normed[n] += each * normed(block, n);
    return each;
  });
  Floats products{};
  for (int n = 0; n < kCount; ++n) products += with_normed[n];
  return {total(sum) / size, total(products) / size};
}

}  // namespace
}  // namespace suimon::SUIMON_ISA
