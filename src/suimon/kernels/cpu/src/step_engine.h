// A network for one step at a time: token or vector in, through a stack of recurrent layers and a
// head, scores out; rows side by side that do not know of each other.
//
//   x = table[token], or embedding[token], or a vector
//   for each layer:   z_x = W_ih x + b_ih,  z_h = W_hh h + b_hh,  (h, c) = cell(z_x, z_h, h, c)
//                     x = h, or h + x where the stack is residual and the layer not the first
//   for each linear:  x = W x + b
//
// Where the first layer's input is one of few tokens, its z_x is made once for each: the table.
//
// Element is what weights and activations are rounded to for a product: float, Bf16, or int8_t (each
// row of activations scaled by its largest, see line_matrix.h). Sums are float32, of int8 exact in
// int32; gates and state are float32 always. The terms of a sum are added in an order that does not
// depend on the number of rows, so that a row's result is the same bits whatever stands beside it.
//
// Shapes. B rows, V tokens, H units of a layer, P outputs of it, H or fewer, U = H rounded up to whole blocks of 16, G gates. The
// columns of W_ih, W_hh, their biases and the table stand in blocks of units: [U/16][G][16].
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "isa.h"
#include "line_matrix.h"
#include "team_trial.h"
#include "thread_pool.h"

namespace suimon {

// What a layer makes of its products. Gates in torch's order, see suimon/cells:
//   lstm i f g o; lstm_coupled (f = 1 - i) and lstm_ungated (f = 1) i g o; gru r z n, reset after;
//   gru_reset_before the same, n from the product of W with r*h; mingru z n; minlstm i f g; the elman
//   cells one.
enum class CellKind {
  lstm, lstm_coupled, lstm_ungated, gru, gru_reset_before, elman_tanh, elman_relu, mingru, minlstm
};

constexpr std::int64_t gates_of(CellKind kind) {
  switch (kind) {
    case CellKind::lstm: return 4;
    case CellKind::mingru: return 2;
    case CellKind::elman_tanh:
    case CellKind::elman_relu: return 1;
    default: return 3;
  }
}

constexpr bool is_lstm(CellKind kind) {
  return kind == CellKind::lstm || kind == CellKind::lstm_coupled || kind == CellKind::lstm_ungated;
}

// The products of some gates of a layer.
struct StepProducts {
  const float* table;      // (V, U*G) z_x of every token, or null
  LineMatrix ih;           // without lines where there is a table
  LineMatrix hh;           // without lines where nothing recurs through a product
};

struct StepLayer {
  CellKind kind;
  std::int64_t units;      // H
  std::int64_t blocks;     // U/16
  StepProducts gates;      // of gru_reset_before: ih of z and n, hh of z
  StepProducts reset;      // of gru_reset_before alone: of r
  LineMatrix candidate;    // the same: what multiplies r*h
  LineMatrix projection;   // of an LSTM that has one: h = W_hr (o*tanh(c)), P wide; else without lines
  std::int64_t outputs;    // width of h: P, or H
  const float* peephole;   // (3, U): of i, f and o, zeros where there is none; or null
  bool adds_input;         // x = h + x
  std::int64_t sums_before;  // U*G of all layers below
};

struct StepNetwork {
  const StepLayer* layers;
  std::int64_t depth;            // how many layers
  const LineMatrix* linears;     // what follows the stack
  std::int64_t linear_count;
  const float* embedding;        // (V, inputs) or null
  std::int64_t inputs;           // width of the first layer's input
  std::int64_t outputs;          // width of the result
  std::int64_t tokens;           // V, 0 where vectors are read
  std::int64_t sums;             // U*G of all layers
  bool waits_within;             // in some layer a product waits for the units of another
};

// What one thread does: rows from row_begin to row_end.
struct StepRows {
  std::int64_t rows;           // B
  std::int64_t row_begin;
  std::int64_t row_end;
  const std::int64_t* tokens;  // (B) each from 0 to V - 1, or null
  const float* x;              // (B, inputs), or null
  float* const* h;             // for each layer (B, P): before the step on entry, after it on return
  float* const* c;             // (B, H), the same of the LSTM's c; unused elsewhere
  float* scores;               // (B, outputs) written, or null: then no linear is run
  bool backwards;              // take the blocks of a layer from the last to the first
  int member;                  // of a team whose members share the units of the same rows, ...
  int members;                 // ... where makes_sums_at_once(); 1: nobody shares them
  Barrier* meeting;            // where they wait for each other; null for 1
};

// How many rows are worked on together.
constexpr std::int64_t kStepRows = 64;

// Up to so many rows, reading the weights is most of the work.
constexpr std::int64_t kFewRows = 7;

// Working memory of one thread, each part at a multiple of 64 bytes.
struct StepScratch {
  float* x[2];        // (kStepRows, widest input or output rounded up to 16)
  void* activations;  // (kStepRows, the deepest product's row) as Element
  void* state;        // the same, of h
  void* reset;        // the same, of r*h, or of what is projected
  float* row_scales;  // (3, kStepRows), int8 alone: of activations, state and reset
  float* z_x;         // (kStepRows, widest chunk)
  float* z_h;         // the same
  std::int64_t x_stride;
  std::int64_t row_bytes;  // of `activations`, `state` and `reset`, from one row to the next
};

// Blocks of units whose gates are whole panels, and the width of their products.
constexpr std::int64_t blocks_together(CellKind kind) {
  const std::int64_t gates = gates_of(kind);
  return gates == 4 ? 1 : gates == 2 ? 2 : 4;
}
constexpr std::int64_t kWidestChunk = 3 * kPanelGroups * kLineColumns;

// Whether all products of a layer are made before its units. For few rows, reading the weights is
// most of the work, and so nothing comes between; for many, what was made stays in the cache.
inline bool makes_sums_at_once(const StepNetwork& network, std::int64_t rows) {
  return !network.waits_within && rows <= kFewRows && network.depth * rows <= kStepRows &&
         network.sums * rows <= kStepRows * kWidestChunk;
}

#define SUIMON_DECLARE_STEP(ISA, ELEMENT) \
  namespace ISA {                         \
  void step(const StepNetwork& network, const StepRows& rows, const StepScratch& scratch, ELEMENT); \
  }
SUIMON_DECLARE_STEP(baseline, float)
SUIMON_DECLARE_STEP(baseline, std::int8_t)
SUIMON_DECLARE_STEP(avx2, float)
SUIMON_DECLARE_STEP(avx2, std::int8_t)
SUIMON_DECLARE_STEP(avx512, float)
SUIMON_DECLARE_STEP(avx512vnni, std::int8_t)
SUIMON_DECLARE_STEP(avx512bf16, Bf16)
SUIMON_DECLARE_STEP(amx, Bf16)
SUIMON_DECLARE_STEP(amx, std::int8_t)
#undef SUIMON_DECLARE_STEP

// What weights and activations are rounded to for a product.
enum class Precision { fp32, bf16, int8 };

// A matrix as torch.nn keeps it.
struct PlainMatrix {
  const float* values;  // (rows, width)
  const float* bias;    // (rows), or null: zeros
  std::int64_t rows;
  std::int64_t width;
};

// Owns packed copies of a network's weights; what it is built from may change or go afterwards.
// Built once, by one thread; step() then changes nothing in it, and any threads may call it at once.
class StepEngine {
 public:
  // bf16 needs a set that `multiplies_bf16`.
  StepEngine(Precision precision, Isa isa);
  ~StepEngine();
  StepEngine(const StepEngine&) = delete;
  StepEngine& operator=(const StepEngine&) = delete;

  // Tokens are looked up here where no table was given; (rows = V, width = inputs), no bias.
  void set_embedding(const PlainMatrix& embedding);

  // The next layer. `ih` (G*H, I); for the first layer it may be a table (V, G*H) instead, W_ih E + b
  // of each token, `is_table`. `hh` (G*H, P), none for cells without. `peephole` (3, H) or null.
  // `projection` (P, H) where h is narrower than c, else P = H.
  void add_layer(CellKind kind, std::int64_t units, const PlainMatrix& ih, bool is_table,
                 const std::optional<PlainMatrix>& hh, const float* peephole, bool adds_input,
                 const std::optional<PlainMatrix>& projection = {});

  // What follows the stack; several are run in the order in which they were added.
  void add_linear(const PlainMatrix& linear);

  // Read one token or vector in each row. `layers` entries in h and c. Only `rows`, `tokens` or `x`,
  // `h`, `c` and `scores` of `work` are read. At most `threads` threads share the rows, or two the
  // units of few rows; the results are the same bits.
  void step(StepRows work, int threads) const;

  const StepNetwork& network() const { return network_; }

 private:
  void share_rows(const StepRows& work, int threads) const;
  void share_units(const StepRows& work) const;
  void step_alone(const StepRows& rows, const StepScratch& scratch) const;
  StepScratch scratch() const;  // of the calling thread
  LineMatrix packed(const PlainMatrix& matrix, std::int64_t gates);
  const float* table_of(const PlainMatrix& table, std::int64_t units, std::int64_t first_gate,
                        std::int64_t gates);
  StepProducts products_of(const PlainMatrix& ih, bool is_table,
                           const std::optional<PlainMatrix>& hh, std::int64_t units,
                           std::int64_t first_gate, std::int64_t gates, std::int64_t hh_gates);
  const float* kept_floats(std::int64_t count, const float* values);
  float* fresh_floats(std::int64_t count);
  void* fresh_bytes(std::int64_t bytes);

  const Precision precision_;
  const Isa isa_;
  struct Pages;
  std::vector<std::unique_ptr<Pages>> pages_;
  std::vector<StepLayer> layers_;
  std::vector<LineMatrix> linears_;
  StepNetwork network_{};
  mutable TeamTrial trial_;    // of two threads for few rows
  double products_ = 0;        // multiplications of one row
  std::int64_t deepest_ = 16;  // of all products, what a row of activations holds
  std::int64_t widest_ = 16;   // of all inputs and outputs between products
};

}  // namespace suimon
