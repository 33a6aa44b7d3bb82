// The element-wise linear recurrence  h_t = a_t * h_{t-1} + b_t  over time, and its gradient.
//
// Shapes. T steps, N channels: B rows of H units, which only the restarts tell apart. An array
// (T, N) is contiguous and time-major: element (t, n) stands at t*N + n. Every buffer belongs to
// the caller and is only borrowed for the call. A buffer that is written must not overlap any
// other buffer; those that are only read may be the same. T and N may be 0, and a pointer to an
// empty array may be null.
//
// Restarts. Where restart (t, b) is true, row b takes step t from a state of zero: h_{t-1} is not
// read, so that nothing of it, NaN and infinity included, reaches h_t, nor any gradient the step
// before.
//
// Products and sums are rounded one after the other, never fused, on every instruction set: the
// loops wait for memory, so fusing would gain nothing, and so all sets return the same bits.
#pragma once

#include <cstdint>

#include "isa.h"

namespace suimon {

template <typename Real>
struct LinearRecurrence {
  std::int64_t steps;     // T
  std::int64_t channels;  // N
  std::int64_t units;     // H
  const Real* a;          // (T, N) read
  const Real* b;          // (T, N) read
  const Real* h_0;        // (N)    read: the state before the first step
  const bool* restart;    // (T, B) read; null: nowhere
  Real* h;                // (T, N) written in full
};

// With g_t the whole gradient that reaches h_t, by its own use and through later steps:
//   g_t = grad_h_t + a_{t+1} * g_{t+1},   grad_b_t = g_t,   grad_a_t = g_t * h_{t-1},
//   grad_h_0 = a_1 * g_1   (zero where T = 0).
template <typename Real>
struct LinearRecurrenceGradient {
  std::int64_t steps;     // T
  std::int64_t channels;  // N
  std::int64_t units;     // H
  const Real* a;          // (T, N) read: as in the forward pass
  const Real* h_0;        // (N)    read: as in the forward pass
  const bool* restart;    // (T, B) read: as in the forward pass
  const Real* h;          // (T, N) read: what the forward pass wrote
  const Real* grad_h;     // (T, N) read
  Real* grad_a;           // (T, N) written in full
  Real* grad_b;           // (T, N) written in full
  Real* grad_h_0;         // (N)    written in full
};

// Run a whole sequence on at most `threads` threads of the shared pool, the caller's included;
// fewer where the work is too small to share. Real is float or double.
template <typename Real>
void run(const LinearRecurrence<Real>& work, Isa isa, int threads);

template <typename Real>
void run(const LinearRecurrenceGradient<Real>& work, Isa isa, int threads);

// The loops themselves over channels [begin, end), once for each instruction set, all compiled
// from linear_recurrence_loops.cpp.
#define SUIMON_DECLARE_LOOPS(ISA)                                                             \
  namespace ISA {                                                                             \
  template <typename Real>                                                                    \
  void loop(const LinearRecurrence<Real>& work, std::int64_t begin, std::int64_t end);        \
  template <typename Real>                                                                    \
  void loop(const LinearRecurrenceGradient<Real>& work, std::int64_t begin, std::int64_t end); \
  }
SUIMON_DECLARE_LOOPS(baseline)
SUIMON_DECLARE_LOOPS(avx2)
SUIMON_DECLARE_LOOPS(avx512)
#undef SUIMON_DECLARE_LOOPS

}  // namespace suimon
