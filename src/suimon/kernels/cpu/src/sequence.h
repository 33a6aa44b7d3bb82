// A recurrent layer over a whole sequence, and its gradient: Elman, LSTM with its variants, and GRU.
// units.h has what one unit computes; here is what stands where.
//
// Shapes. T steps, B rows, U units rounded up to whole blocks of 16, P the width of h rounded up
// likewise (U but for an LSTM with a projection), X inputs, S >= P the width of h as a factor of a
// product. Element is float, or Bf16 with U, X and S multiples of 32. Sums, gates and states are
// float32 in either case. What the loops keep for each step stands in blocks of 16 units, the rows
// of a block side by side, because rows a power of two apart fall on each other in a cache.
// Whatever is read beyond the true sizes must be zeros. Every buffer belongs to the caller, is
// contiguous, and is only borrowed for the call; a buffer that is written must not overlap another.
//
// Sums. Before its activations a unit has Z sums, G of them with x and as many with h:
//     Elman           z             Z = 1, G = 1
//     LSTM            i f g o       Z = G = 4; without a forget gate of its own i g o, Z = G = 3
//     GRU             n r z m       Z = 4, G = 3: n r z with x, r z m with h; m is multiplied by r
// Gates that are kept for backward, K of them: h of the cell (Elman, 1), i f g o (LSTM, 4; f is 1
// or 1 - i where it has no sum), r z n m (GRU, 4).
//
// Tiles. The sums of a few blocks are worked out together, in rows of 64: four blocks of an Elman
// layer, one of the others; U/16 blocks make N tiles.
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

constexpr std::int64_t kTileWidth = 64;

// Bytes of one thread's weights beyond which a second level of cache does not keep them.
constexpr std::int64_t kTooLargeToStay = 1 << 20;

enum class Kind : std::uint8_t { elman, lstm, gru };

// The members of what follows are always inlined: files compiled for different instruction sets
// include it, and the linker must not take one's for the other's.

// Where an LSTM's share of the old cell comes from.
enum class Forget : std::uint8_t { own, coupled, none };

struct CellForm {
  Kind kind;
  bool relu = false;              // Elman: relu, not tanh
  Forget forget = Forget::own;    // LSTM
  bool reset_after = true;        // GRU

  [[gnu::always_inline]] constexpr int sums() const {  // Z
    if (kind == Kind::elman) return 1;
    return kind == Kind::lstm && forget != Forget::own ? 3 : 4;
  }
  [[gnu::always_inline]] constexpr int gates() const {  // G
    return kind == Kind::gru ? 3 : sums();
  }
  [[gnu::always_inline]] constexpr int gates_from_h() const {  // those of weight_hh in one product
    return kind == Kind::gru && !reset_after ? 2 : gates();
  }
  [[gnu::always_inline]] constexpr int kept() const {  // K
    return kind == Kind::elman ? 1 : 4;
  }
  [[gnu::always_inline]] constexpr int blocks_in_tile() const { return kind == Kind::elman ? 4 : 1; }
  // The first of the sums that the recurrent product adds to.
  [[gnu::always_inline]] constexpr int first_from_h() const { return kind == Kind::gru ? 1 : 0; }
};

struct SequenceShape {
  std::int64_t steps;    // T
  std::int64_t rows;     // B
  std::int64_t units;    // U
  std::int64_t inputs;   // X
  std::int64_t output;   // P
  std::int64_t hidden;   // S
  std::int64_t filled;   // the true number of units, at most U
  bool reverse;          // time runs from T-1 to 0
};

// The share of its old value that a state keeps at each step: zoneout.
struct Keep {
  const float* share;        // (T, B, width) by these steps, units side by side; null: nothing
  std::int64_t time_step;
  std::int64_t row_step;
};

// A layer norm of a product with the weights, of all its gates at once; but of a GRU's, r and z
// together and the third by itself. G gates in the order of the sums with x, of the sums with h.
template <typename Element>
struct Norm {
  const float* gain;       // (U/16, G, 16) read
  float* normed;           // (T, B, U/16, G, 16) what the gain multiplies, at a multiple of 64 bytes;
                           // written by forward, null where its gates are; read by backward
  float* rate;             // (T, B, 2) one over the deviation; likewise; of a GRU's third gate the
                           // second
  float* grad_gain;        // (threads, U/16, G, 16) added to by backward
  Element* grad_product;   // (T, B, G, U), rows `sums_stride` apart: the gradient of the product
                           // before its norm; written by backward
};

// What some cells need beside their sums; every pointer is null where the cell does not. They make
// a step one of several phases, for each of them needs all units of a row before it can begin.
template <typename Element>
struct Phases {
  // Layer norms of the recurrent product, and of that with x. An Elman layer has the first alone, of
  // both products at once; the others have both.
  Norm<Element> of_h;
  Norm<Element> of_x;
  // Layer norm of c where the output gate reads it.
  const float* c_gain;     // (U/16, 16) read
  const float* c_bias;     // (U/16, 16) read
  float* c_rate;           // (T, B, 2) mean, and one over the deviation; as the `rate` of a norm
  float* grad_c_norm;      // (threads, U/16, 2, 16) of gain and bias; added to by backward
  // Projection of the output.
  const Element* panels_hr;  // forward: ceil(P/64) panels of U rows; backward: W_hr in panels of P
                             // rows and 64 columns of U
  Element* unprojected;      // (T, B, U) written by forward
  Element* grad_projected;   // (T, B, P) written by backward: the gradient of the projection
  // A GRU that resets before its product: W_hn by itself, beside panels_hh for r and z alone.
  const Element* panels_hn;  // forward: ceil(U/64) panels of S rows; backward: like panels_back
  Element* reset_h;          // (T, B, S) r*h, the factor of W_hn; written by forward but for columns
                             // U to S
  // Room to work in.
  float* sums;             // forward (N, B, 64): those of the products
  float* sums_x;           // forward (N, B, 64): of the product with x, where it has a norm
  float* settled;          // forward (N, B, 64): as they go into the units; sums itself where no
                           // norm comes between
  float* units;            // backward (ceil(U/64), B, 64)
  float* reads;            // backward (U/16, B, 3, 16); for the layer norm of c

  [[gnu::always_inline]] bool any() const { return of_h.gain != nullptr || panels_hr != nullptr || panels_hn != nullptr; }
};

template <typename Element>
struct SequenceForward {
  SequenceShape shape;
  CellForm cell;
  const Element* x;              // (T, B, X) read
  const Element* panels_ih;      // N panels of X rows and the tile's G*16 columns; read
  const Element* panels_hh;      // N panels of S rows and the tile's G*16 columns; read
  const float* bias;             // (U/16, Z, 16) read
  const float* peephole;         // (U/16, 3, 16) of i, f, o; read; null: none
  const std::uint8_t* marks;     // (T, B) read, or null
  const float* mask;             // (B, P) factors of h in the recurrent product, read, or null
  Keep keep_h;                   // of P units, read
  Keep keep_c;                   // of U units, read
  Element* h_before;             // (T, B, S), the recurrent product's factor: that of the first step
                                 // read, all others written, but for columns P to S
  float* gates;                  // (T, U/16, B, K, 16) written: after their activations; like carry
                                 // at a multiple of 64 bytes; both null where nobody wants them
  float* carry;                  // (T, U/16, B, 16) written: what the next step's units start from,
                                 // c of LSTM and h of GRU; null for Elman
  Element* output;               // (T, B, P) written: h, zeros where skipped
  float* h_n;                    // (P/16, B, 16): h_0 on entry, after the last step on return
  float* c_n;                    // (U/16, B, 16) the same of c; null but for LSTM
  Phases<Element> phases;
};

// The gradient of the sums, which gives that of everything else:
//   W_ih, W_hh and b by products with x, h_before and ones; x by a product with W_ih.
template <typename Element>
struct SequenceBackward {
  SequenceShape shape;
  CellForm cell;
  const Element* panels_back;    // W_hh (G*U rows, gate after gate, P columns) in panels of 64
                                 // columns, fewer in the last; read
  const float* peephole;         // as forward
  const float* gates;            // (T, U/16, B, K, 16) read: as forward wrote it
  const float* carry;            // (T, U/16, B, 16) read: as forward wrote it
  const float* carry_0;          // (U/16, B, 16) read: c_0 of LSTM, h_0 of GRU
  const std::uint8_t* marks;     // (T, B) read, or null
  const float* mask;             // as forward
  Keep keep_h;
  Keep keep_c;
  const Element* h_before;       // (T, B, S) read: as forward wrote it
  const Element* grad_output;    // (T, B, P) read
  float* grad_h;                 // (ceil(P/64), B, 64): of h_n on entry, of h_0 on return
  float* grad_c;                 // (U/16, B, 16): of c_n on entry, of c_0 on return; LSTM
  Element* grad_sums;            // (T, B, Z, U) written, a row `sums_stride` from the next
  std::int64_t sums_stride;      // at least Z*U
  float* grad_bias;              // (threads, U/16, Z, 16): added to, each thread in its own
  float* grad_peephole;          // (threads, U/16, 3, 16): likewise; or null
  Phases<Element> phases;
};

// Run a whole sequence on at most `threads` threads of the shared pool, the caller's included.
// Bf16 needs an instruction set that `multiplies_bf16`.
template <typename Element>
void run(const SequenceForward<Element>& work, Isa isa, int threads);

template <typename Element>
void run(const SequenceBackward<Element>& work, Isa isa, int threads);

// What one thread does of it: rows and blocks of units from `begin` to `end`. Where others do other
// blocks of the same rows, all meet after each step.
struct SequenceShare {
  int member;                // which of the threads
  std::int64_t row_begin;
  std::int64_t row_end;
  std::int64_t block_begin;  // a multiple of kBlocksPerPanel, but forward without phases
  std::int64_t block_end;
  std::int64_t output_begin;  // likewise of the blocks of h, which are others where h is projected
  std::int64_t output_end;
  Barrier* meeting;           // null where no other thread has these rows
};

#define SUIMON_DECLARE_SEQUENCE(ISA, ELEMENT)                                    \
  namespace ISA {                                                                \
  void loop(const SequenceForward<ELEMENT>& work, const SequenceShare& share);   \
  void loop(const SequenceBackward<ELEMENT>& work, const SequenceShare& share);  \
  }
SUIMON_DECLARE_SEQUENCE(baseline, float)
SUIMON_DECLARE_SEQUENCE(avx2, float)
SUIMON_DECLARE_SEQUENCE(avx512, float)
SUIMON_DECLARE_SEQUENCE(avx512bf16, Bf16)
SUIMON_DECLARE_SEQUENCE(amx, Bf16)
#undef SUIMON_DECLARE_SEQUENCE

}  // namespace suimon
