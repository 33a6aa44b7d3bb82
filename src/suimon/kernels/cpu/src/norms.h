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

float total(Floats values) {
  float sum = 0.0f;
  for (std::int64_t lane = 0; lane < kLanes; ++lane) sum += values[lane];
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

// Of value(block, n), n from 0 to `count`, over the units of all blocks; zeros beyond them.
SUIMON_INLINE Spread spread_of(const SequenceShape& shape, int count, const auto& value) {
  const std::int64_t blocks = shape.units / kUnitsPerBlock;
  const float size = static_cast<float>(shape.filled * count);
  Floats sum{};
  for (std::int64_t block = 0; block < blocks; ++block) {
    for (int n = 0; n < count; ++n) sum += value(block, n);
  }
  const float mean = total(sum) / size;
  Floats squares{};
  for (std::int64_t block = 0; block < blocks; ++block) {
    const Floats lanes = filled(shape, block);
    for (int n = 0; n < count; ++n) {
      const Floats apart = (value(block, n) - mean) * lanes;
      squares += apart * apart;
    }
  }
  return {mean, 1.0f / __builtin_sqrtf(total(squares) / size + kEpsilon)};
}

// What every unit's gradient loses on its way back through a norm: the means of the gradient, and of
// the gradient times the normalised value.
struct Means {
  float grad;
  float grad_normed;

  // The gradient before the norm, from that after it and before its gain.
  Floats back(Floats grad_normed_value, Floats normed, float rate) const {
    return (grad_normed_value - grad - normed * grad_normed) * rate;
  }
};

// Of gradients grad(block, n) and normalised values normed(block, n).
SUIMON_INLINE Means means_of(const SequenceShape& shape, int count, const auto& grad,
                             const auto& normed) {
  const std::int64_t blocks = shape.units / kUnitsPerBlock;
  const float size = static_cast<float>(shape.filled * count);
  Floats sum{}, with_normed{};
  for (std::int64_t block = 0; block < blocks; ++block) {
    for (int n = 0; n < count; ++n) {
      const Floats each = grad(block, n);
      sum += each;
      with_normed += each * normed(block, n);
    }
  }
  return {total(sum) / size, total(with_normed) / size};
}

}  // namespace
}  // namespace suimon::SUIMON_ISA
