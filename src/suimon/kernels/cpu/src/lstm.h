// The LSTM over a whole sequence, and its gradient.
//
//   z_t = W_ih x_t + W_hh h_{t-1} + b          four gates: i f g o
//   c_t = sigmoid(z_f)*c_{t-1} + sigmoid(z_i)*tanh(z_g),   h_t = sigmoid(z_o)*tanh(c_t)
//
// Shapes. T steps, B rows, U units rounded up to whole blocks of 16, X inputs, H the width of h as a
// factor of a product. Element is float, or Bf16 with X and H multiples of 32. Sums, gates and c are
// float32 in either case. What the loops keep for each step stands in blocks of 16 units, the rows
// of a block side by side, because rows a power of two apart fall on each other in a cache. Whatever
// is read beyond the true sizes must be zeros. Every buffer belongs to the caller, is contiguous, and is only
// borrowed for the call; a buffer that is written must not overlap any other.
//
// Marks, one byte for each step and row, say what happens there: kSkip, the row's sequence is over
// or not begun, so its state stays and its output is zero; kRestart, the state is thrown away before
// the step. Both together are not allowed. No marks: neither, anywhere.
#pragma once

#include <cstdint>

#include "isa.h"
#include "panels.h"
#include "thread_pool.h"

namespace suimon {

constexpr std::uint8_t kSkip = 1;
constexpr std::uint8_t kRestart = 2;

struct LstmShape {
  std::int64_t steps;    // T
  std::int64_t rows;     // B
  std::int64_t units;    // U, a multiple of 16
  std::int64_t inputs;   // X
  std::int64_t hidden;   // H >= U
  bool reverse;          // time runs from T-1 to 0
};

template <typename Element>
struct LstmForward {
  LstmShape shape;
  const Element* x;              // (T, B, X) read
  const Element* panels_ih;      // (U/16) panels of X rows and 4*16 columns, see panels.h; read
  const Element* panels_hh;      // (U/16) panels of H rows and 4*16 columns; read
  const float* bias;             // (U/16, 4, 16) read
  const std::uint8_t* marks;     // (T, B) read, or null
  Element* h_before;             // (T, B, H): that of the first step read, all others written,
                                 // but for columns U to H
  float* gates;                  // (T, U/16, B, 4, 16) written: after their activations; like c at a
                                 // multiple of 64 bytes; both null where nobody wants them
  float* c;                      // (T, U/16, B, 16) written: after the step; a skipped one keeps it
  Element* output;               // (T, B, U) written: h, zeros where skipped
  float* h_n;                    // (U/16, B, 16) written: after the last step
  float* c_n;                    // (U/16, B, 16): c_0 on entry, after the last step on return
};

// The gradient of the gates before their activations, which gives that of everything else:
//   W_ih, W_hh and b by products with x, h_before and ones; x by a product with W_ih.
template <typename Element>
struct LstmBackward {
  LstmShape shape;
  const Element* panels_back;    // W_hh (4*U rows in the order of the gates, U columns) in panels of
                                 // 4*16 columns, fewer in the last; read
  const float* gates;            // (T, U/16, B, 4, 16) read: as forward wrote it
  const float* c;                // (T, U/16, B, 16) read: as forward wrote it
  const float* c_0;              // (U/16, B, 16) read
  const std::uint8_t* marks;     // (T, B) read, or null
  const Element* grad_output;    // (T, B, U) read
  float* grad_h;                 // (ceil(U/64), B, 64): of h_n on entry, of h_0 on return
  float* grad_c;                 // (U/16, B, 16): of c_n on entry, of c_0 on return
  Element* grad_gates;           // (T, B, U/16, 4, 16) written, a row `gates_stride` from the next
  std::int64_t gates_stride;     // at least 4*U
};

// Run a whole sequence on at most `threads` threads of the shared pool, the caller's included.
// Bf16 needs an instruction set that `multiplies_bf16`.
template <typename Element>
void run(const LstmForward<Element>& work, Isa isa, int threads);

template <typename Element>
void run(const LstmBackward<Element>& work, Isa isa, int threads);

// What one thread does of it: rows and blocks of units from `begin` to `end`. Where others do other
// blocks of the same rows, all meet after each step.
struct LstmShare {
  std::int64_t row_begin;
  std::int64_t row_end;
  std::int64_t block_begin;  // a multiple of kBlocksPerPanel
  std::int64_t block_end;
  Barrier* meeting;          // null where no other thread has these rows
};

#define SUIMON_DECLARE_LSTM(ISA, ELEMENT)                                  \
  namespace ISA {                                                          \
  void loop(const LstmForward<ELEMENT>& work, const LstmShare& share);     \
  void loop(const LstmBackward<ELEMENT>& work, const LstmShare& share);    \
  }
SUIMON_DECLARE_LSTM(baseline, float)
SUIMON_DECLARE_LSTM(avx2, float)
SUIMON_DECLARE_LSTM(avx512, float)
SUIMON_DECLARE_LSTM(avx512bf16, Bf16)
SUIMON_DECLARE_LSTM(amx, Bf16)
#undef SUIMON_DECLARE_LSTM

}  // namespace suimon
