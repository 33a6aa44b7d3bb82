// Sixteen floats at a time, and the functions of a gate on them.
//
// Included only by files that CMake compiles once for each instruction set: everything here has
// internal linkage, so that the linker never mixes code made for different sets. The compiler cuts
// the vectors into what a set has: one register with AVX-512, two with AVX2, four with SSE2 or NEON.
#pragma once

#include <cstdint>
#include <cstring>

#include "panels.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace suimon {
namespace {

constexpr std::int64_t kLanes = 16;

typedef float Floats __attribute__((vector_size(64)));
typedef std::int32_t Ints __attribute__((vector_size(64)));
typedef std::uint32_t Words __attribute__((vector_size(64)));
typedef std::uint16_t Halves __attribute__((vector_size(32)));

#define SUIMON_INLINE static inline __attribute__((always_inline))

// The same where they stand in an array, at any multiple of an element's size. Of these types, and
// not by memcpy, which could write anything: a loop over rows would read all its pointers again.
typedef float FloatsInMemory __attribute__((vector_size(64), aligned(4)));
typedef std::uint16_t HalvesInMemory __attribute__((vector_size(32), aligned(2)));

SUIMON_INLINE Floats load(const float* from) {
  return *reinterpret_cast<const FloatsInMemory*>(from);
}

SUIMON_INLINE void store(float* to, Floats value) {
  *reinterpret_cast<FloatsInMemory*>(to) = value;
}

SUIMON_INLINE Floats all(float value) { return Floats{} + value; }

// To memory that is not read again soon, past the caches, which then keep what is. `to` is a
// multiple of 64 bytes.
SUIMON_INLINE void stream(float* to, Floats value) {
#if defined(__AVX512F__)
  _mm512_stream_ps(to, (__m512)value);
#elif defined(__AVX__)
  const auto* parts = reinterpret_cast<const __m256*>(&value);
  _mm256_stream_ps(to, parts[0]);
  _mm256_stream_ps(to + 8, parts[1]);
#elif defined(__SSE2__)
  const auto* parts = reinterpret_cast<const __m128*>(&value);
  for (int n = 0; n < 4; ++n) _mm_stream_ps(to + 4 * n, parts[n]);
#else
  store(to, value);
#endif
}

// Streamed values are in memory for other threads to see.
SUIMON_INLINE void end_streaming() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

SUIMON_INLINE Floats load(const Bf16* from) {
  const Halves halves = *reinterpret_cast<const HalvesInMemory*>(from);
  return (Floats)(__builtin_convertvector(halves, Words) << 16);
}

// Rounded to the nearest, ties to even; a NaN stays one.
SUIMON_INLINE void store(Bf16* to, Floats value) {
#if defined(__AVX512BF16__)
  const auto halves = (Halves)_mm512_cvtneps_pbh((__m512)value);  // takes what is below 1e-38 for 0
  *reinterpret_cast<HalvesInMemory*>(to) = halves;
#else
  Words bits = (Words)value;
  bits = (bits + (((bits >> 16) & 1u) + 0x7fffu)) >> 16;
  const Words nan = Words{} + 0x7fc0u;
  const Words rounded = value == value ? bits : nan;
  *reinterpret_cast<HalvesInMemory*>(to) = __builtin_convertvector(rounded, Halves);
#endif
}

// The smaller of x and a limit; a NaN stays one.
SUIMON_INLINE Floats at_most(float limit, Floats x) {
#if defined(__AVX512F__)
  // Of a NaN and a number it takes the second. The masked forms have no warnings in GCC 12.
  return (Floats)_mm512_maskz_min_ps(0xffff, _mm512_set1_ps(limit), (__m512)x);
#else
  return x > limit ? all(limit) : x;
#endif
}

SUIMON_INLINE Floats at_least(float limit, Floats x) {
#if defined(__AVX512F__)
  return (Floats)_mm512_maskz_max_ps(0xffff, _mm512_set1_ps(limit), (__m512)x);
#else
  return x < limit ? all(limit) : x;
#endif
}

// 1/x to about one unit in the last place, for x from 1 to 1e38.
SUIMON_INLINE Floats reciprocal(Floats x) {
#if defined(__AVX512F__)
  // A division keeps its unit busy for 16 cycles. From 14 digits one step of Newton's makes 28.
  const Floats near = (Floats)_mm512_maskz_rcp14_ps(0xffff, (__m512)x);
  return near + near * (1.0f - x * near);
#else
  return 1.0f / x;
#endif
}

// x = n*ln2 + rest with |rest| <= ln2/2, and power = 2^n, for x from -87 to 87.
struct Reduced {
  Floats rest;
  Floats power;
};

SUIMON_INLINE Reduced reduce(Floats x) {
  const float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number
  const Floats shifted = x * 1.44269504f + magic;
  const Floats n = shifted - magic;
  // ln2 in two parts, the first with few digits.
  const Floats rest = x - n * 0.693145752f - n * 1.42860677e-6f;
  // The whole number stands in the low bits of `shifted`; moved up it is an exponent.
  return {rest, (Floats)(((Ints)shifted << 23) + (127 << 23))};
}

// 1 + exp(x), for x from -87 to 87 (else held there). The polynomial is off by 2e-9 of exp at most.
SUIMON_INLINE Floats one_plus_exp(Floats x) {
  const Reduced at = reduce(at_least(-87.0f, at_most(87.0f, x)));
  const Floats r = at.rest;
  Floats p = r * 0.00138367934f + 0.00837485678f;
  p = p * r + 0.0416682288f;
  p = p * r + 0.166664198f;
  p = p * r + 0.499999911f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  return at.power * p + 1.0f;
}

SUIMON_INLINE Floats sigmoid(Floats x) { return reciprocal(one_plus_exp(-x)); }

// With e = exp(2|x|) - 1, tanh|x| = e/(e + 2); past 9.1 that is 1 in float32. exp(r) - 1 is made as
// r + r^2*p(r), which keeps all its digits near zero; it is off by 2e-8 of itself at most.
SUIMON_INLINE Floats tanh(Floats x) {
  const Ints sign = (Ints)x & (Ints{} + INT32_MIN);
  const Floats size = (Floats)((Ints)x ^ sign);
  const Reduced at = reduce(2.0f * at_most(10.0f, size));
  const Floats r = at.rest;
  Floats p = r * 0.00138825167f + 0.00836654752f;
  p = p * r + 0.0416672006f;
  p = p * r + 0.166665435f;
  p = p * r + 0.49999997f;
  const Floats e = at.power * (r * r * p + r) + (at.power - 1.0f);
  return (Floats)((Ints)(e * reciprocal(e + 2.0f)) | sign);
}

}  // namespace
}  // namespace suimon
