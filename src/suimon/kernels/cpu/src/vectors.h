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

SUIMON_INLINE Floats load(const float* from) {
  Floats value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

SUIMON_INLINE void store(float* to, Floats value) { std::memcpy(to, &value, sizeof value); }

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
  Halves halves;
  std::memcpy(&halves, from, sizeof halves);
  return (Floats)(__builtin_convertvector(halves, Words) << 16);
}

// Rounded to the nearest, ties to even; a NaN stays one.
SUIMON_INLINE void store(Bf16* to, Floats value) {
  Words bits = (Words)value;
  bits = (bits + (((bits >> 16) & 1u) + 0x7fffu)) >> 16;
  const Words nan = Words{} + 0x7fc0u;
  const Words rounded = value == value ? bits : nan;
  const Halves halves = __builtin_convertvector(rounded, Halves);
  std::memcpy(to, &halves, sizeof halves);
}

// exp(x) - 1 to about one unit in the last place, for x from -87 to 87 (else held there).
//
// x = n*ln2 + r with |r| <= ln2/2, and exp(x) - 1 = 2^n*(exp(r) - 1) + (2^n - 1), where
// exp(r) - 1 = r + r^2*p(r) keeps all its digits near zero. p is the Taylor polynomial of
// (exp(r) - 1 - r)/r^2 to r^5, off by less than 2^-26 of it in this range.
SUIMON_INLINE Floats exp_minus_one(Floats x) {
  x = x > 87.0f ? all(87.0f) : x;  // a NaN compares false and goes through
  x = x < -87.0f ? all(-87.0f) : x;
  const float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number
  const Floats shifted = x * 1.44269504f + magic;
  const Floats n = shifted - magic;
  Floats r = x - n * 0.693145752f;  // ln2 in two parts, the first with few digits
  r = r - n * 1.42860677e-6f;
  Floats p = all(1.0f / 5040.0f);
  p = p * r + 1.0f / 720.0f;
  p = p * r + 1.0f / 120.0f;
  p = p * r + 1.0f / 24.0f;
  p = p * r + 1.0f / 6.0f;
  p = p * r + 0.5f;
  const Floats q = r + r * r * p;
  // The whole number stands in the low bits of `shifted`; moved up it is an exponent.
  const Floats power = (Floats)(((Ints)shifted << 23) + (127 << 23));
  return power * q + (power - 1.0f);
}

SUIMON_INLINE Floats sigmoid(Floats x) { return 1.0f / (2.0f + exp_minus_one(-x)); }

SUIMON_INLINE Floats tanh(Floats x) {
  // With e = exp(2|x|) - 1, tanh|x| = e/(e + 2); past 9.1 that is 1 in float32.
  const Ints sign = (Ints)x & (Ints{} + INT32_MIN);
  const Floats size = (Floats)((Ints)x ^ sign);
  const Floats e = exp_minus_one(2.0f * (size > 10.0f ? all(10.0f) : size));
  return (Floats)((Ints)(e / (e + 2.0f)) | sign);
}

}  // namespace
}  // namespace suimon
