// The recurrence's inner loops. CMake compiles this file once for each instruction set, with
// SUIMON_ISA set to the namespace it fills and the compiler told to vectorise for that set.
//
// It calls no inline function of the standard library: the linker keeps one copy of such a
// function for the whole program, and that could be the copy made of AVX-512 instructions.
#include "linear_recurrence.h"

namespace suimon::SUIMON_ISA {
namespace {

// Call act(from, to, restarts) for each run of channels within [begin, end) whose rows restart, or
// do not, at one step. `marks` are that step's, one for each row; null where none restarts.
template <typename Act>
void for_each_run(std::int64_t begin, std::int64_t end, std::int64_t units, const bool* marks,
                  const Act& act) {
  if (marks == nullptr) return act(begin, end, false);
  for (std::int64_t from = begin; from < end;) {
    const bool restarts = marks[from / units];
    std::int64_t row = from / units + 1;
    while (row * units < end && marks[row] == restarts) ++row;
    const std::int64_t to = row * units < end ? row * units : end;
    act(from, to, restarts);
    from = to;
  }
}

// One step of `width` channels. The loops stand in functions of their own because the compiler
// believes `__restrict` on parameters, but not on pointers that it saw being computed.
template <typename Real>
void step(std::int64_t width, const Real* __restrict a, const Real* __restrict b,
          const Real* __restrict h_before, Real* __restrict h) {
  for (std::int64_t n = 0; n < width; ++n) h[n] = a[n] * h_before[n] + b[n];
}

// The same from a state of zero; the product stays, for a may be infinite.
template <typename Real>
void step_from_zero(std::int64_t width, const Real* __restrict a, const Real* __restrict b,
                    Real* __restrict h) {
  for (std::int64_t n = 0; n < width; ++n) h[n] = a[n] * Real(0) + b[n];
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

// The same to a state of zero, which passes nothing on to the step before.
template <typename Real>
void step_back_to_zero(std::int64_t width, const Real* __restrict grad_h,
                       Real* __restrict grad_a, Real* __restrict grad_b,
                       Real* __restrict carried) {
  for (std::int64_t n = 0; n < width; ++n) {
    const Real g = grad_h[n] + carried[n];
    grad_b[n] = g;
    grad_a[n] = g * Real(0);
    carried[n] = Real(0);
  }
}

// The marks of step t, one for each row, or null.
template <typename Work>
const bool* marks_at(const Work& work, std::int64_t t) {
  return work.restart == nullptr ? nullptr : work.restart + t * (work.channels / work.units);
}

}  // namespace

template <typename Real>
void loop(const LinearRecurrence<Real>& work, std::int64_t begin, std::int64_t end) {
  for (std::int64_t t = 0; t < work.steps; ++t) {
    const std::int64_t first = t * work.channels;
    const Real *a = work.a + first, *b = work.b + first;
    const Real* h_before = t > 0 ? work.h + first - work.channels : work.h_0;
    Real* h = work.h + first;
    const auto act = [=](std::int64_t from, std::int64_t to, bool restarts) {
      if (restarts) {
        step_from_zero(to - from, a + from, b + from, h + from);
      } else {
        step(to - from, a + from, b + from, h_before + from, h + from);
      }
    };
    for_each_run(begin, end, work.units, marks_at(work, t), act);
  }
}

template <typename Real>
void loop(const LinearRecurrenceGradient<Real>& work, std::int64_t begin, std::int64_t end) {
  // Nothing comes back from after the end; what is left after the first step is grad_h_0.
  Real* carried = work.grad_h_0;
  for (std::int64_t n = begin; n < end; ++n) carried[n] = Real(0);
  for (std::int64_t t = work.steps - 1; t >= 0; --t) {
    const std::int64_t first = t * work.channels;
    const Real *a = work.a + first, *grad_h = work.grad_h + first;
    const Real* h_before = t > 0 ? work.h + first - work.channels : work.h_0;
    Real *grad_a = work.grad_a + first, *grad_b = work.grad_b + first;
    const auto act = [=](std::int64_t from, std::int64_t to, bool restarts) {
      if (restarts) {
        step_back_to_zero(to - from, grad_h + from, grad_a + from, grad_b + from, carried + from);
      } else {
        step_back(to - from, a + from, h_before + from, grad_h + from, grad_a + from,
                  grad_b + from, carried + from);
      }
    };
    for_each_run(begin, end, work.units, marks_at(work, t), act);
  }
}

template void loop(const LinearRecurrence<float>&, std::int64_t, std::int64_t);
template void loop(const LinearRecurrence<double>&, std::int64_t, std::int64_t);
template void loop(const LinearRecurrenceGradient<float>&, std::int64_t, std::int64_t);
template void loop(const LinearRecurrenceGradient<double>&, std::int64_t, std::int64_t);

}  // namespace suimon::SUIMON_ISA
