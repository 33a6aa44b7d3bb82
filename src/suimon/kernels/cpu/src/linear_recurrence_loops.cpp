// The recurrence's inner loops. CMake compiles this file once for each instruction set, with
// SUIMON_ISA set to the namespace it fills and the compiler told to vectorise for that set.
//
// It calls no inline function of the standard library: the linker keeps one copy of such a
// function for the whole program, and that could be the copy made of AVX-512 instructions.
#include "linear_recurrence.h"

namespace suimon::SUIMON_ISA {
namespace {

// One step of `width` channels. The loops stand in functions of their own because the compiler
// believes `__restrict` on parameters, but not on pointers that it saw being computed.
template <typename Real>
void step(std::int64_t width, const Real* __restrict a, const Real* __restrict b,
          const Real* __restrict h_before, Real* __restrict h) {
  for (std::int64_t n = 0; n < width; ++n) h[n] = a[n] * h_before[n] + b[n];
}

// One step back. `carried` holds a_{t+1} * g_{t+1} on entry and a_t * g_t on return.
template <typename Real>
void step_back(std::int64_t width, const Real* __restrict a, const Real* __restrict h_before,
               const Real* __restrict grad_h, Real* __restrict grad_a, Real* __restrict grad_b,
               Real* __restrict carried) {
  for (std::int64_t n = 0; n < width; ++n) {
    const Real g = grad_h[n] + carried[n];
    grad_b[n] = g;
    grad_a[n] = g * h_before[n];
    carried[n] = g * a[n];
  }
}

}  // namespace

template <typename Real>
void loop(const LinearRecurrence<Real>& work, std::int64_t begin, std::int64_t end) {
  const Real* h_before = work.h_0 + begin;
  for (std::int64_t t = 0; t < work.steps; ++t) {
    const std::int64_t row = t * work.channels + begin;
    step(end - begin, work.a + row, work.b + row, h_before, work.h + row);
    h_before = work.h + row;
  }
}

template <typename Real>
void loop(const LinearRecurrenceGradient<Real>& work, std::int64_t begin, std::int64_t end) {
  // Nothing comes back from after the end; what is left after the first step is grad_h_0.
  Real* carried = work.grad_h_0 + begin;
  for (std::int64_t n = 0; n < end - begin; ++n) carried[n] = Real(0);
  for (std::int64_t t = work.steps - 1; t >= 0; --t) {
    const std::int64_t row = t * work.channels + begin;
    const Real* h_before = t > 0 ? work.h + row - work.channels : work.h_0 + begin;
    step_back(end - begin, work.a + row, h_before, work.grad_h + row, work.grad_a + row,
              work.grad_b + row, carried);
  }
}

template void loop(const LinearRecurrence<float>&, std::int64_t, std::int64_t);
template void loop(const LinearRecurrence<double>&, std::int64_t, std::int64_t);
template void loop(const LinearRecurrenceGradient<float>&, std::int64_t, std::int64_t);
template void loop(const LinearRecurrenceGradient<double>&, std::int64_t, std::int64_t);

}  // namespace suimon::SUIMON_ISA
