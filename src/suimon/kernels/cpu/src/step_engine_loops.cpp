// One step of the engine for some rows. CMake compiles this file once for each instruction set, with
// SUIMON_ISA set to the namespace it fills.
//
// It calls no inline function of the standard library, see linear_recurrence_loops.cpp.
#include "step_engine.h"

#include "line_products.h"
#include "units.h"

namespace suimon::SUIMON_ISA {
namespace {

// The first `count` of 16 floats, zeros beyond.
SUIMON_INLINE Floats load_some(const float* from, std::int64_t count) {
  if (count >= kLanes) return load(from);
  float values[kLanes] = {};
  std::memcpy(values, from, static_cast<std::size_t>(count) * sizeof(float));
  return load(values);
}

SUIMON_INLINE void store_some(float* to, Floats value, std::int64_t count) {
  if (count >= kLanes) return store(to, value);
  float values[kLanes];
  store(values, value);
  std::memcpy(to, values, static_cast<std::size_t>(count) * sizeof(float));
}

// A row as it is multiplied, zeros up to `depth`.
[[maybe_unused]] void round_row(const float* from, std::int64_t width, std::int64_t depth, float* to,
                                float*) {
  for (std::int64_t k = 0; k < depth; k += kLanes) {
    store(to + k, k < width ? load_some(from + k, width - k) : Floats{});
  }
}

[[maybe_unused]] void round_row(const float* from, std::int64_t width, std::int64_t depth, Bf16* to,
                                float*) {
  for (std::int64_t k = 0; k < depth; k += kLanes) {
    store(to + k, k < width ? load_some(from + k, width - k) : Floats{});
  }
}

// The largest of the row becomes 127 or -127; see line_matrix.h for the 128.
[[maybe_unused]] void round_row(const float* from, std::int64_t width, std::int64_t depth,
                                std::uint8_t* to, float* scale) {
  Ints largest = {};
  for (std::int64_t k = 0; k < width; k += kLanes) {
    const Ints size = (Ints)load_some(from + k, width - k) & 0x7fffffff;
    largest = size > largest ? size : largest;  // floats without a sign are in the order of integers
  }
  std::int32_t bits = 0;
  for (int n = 0; n < kLanes; ++n) bits = largest[n] > bits ? largest[n] : bits;
  float most;
  std::memcpy(&most, &bits, sizeof most);
  *scale = most / 127.0f;
  const float inverse = most > 1e-30f ? 127.0f / most : 0.0f;
  const float magic = 12582912.0f + 128.0f;  // 1.5 * 2^23: adding it rounds to a whole number
  for (std::int64_t k = 0; k < depth; k += kLanes) {
    const Floats value = k < width ? load_some(from + k, width - k) : Floats{};
    const Bytes bytes = __builtin_convertvector((Ints)(value * inverse + magic) & 255, Bytes);
    std::memcpy(to + k, &bytes, sizeof bytes);
  }
}

template <typename Element>
using Activation = typename Terms<Element>::Activation;

// Rows of floats, each where row_of(row) says, ready to be multiplied.
template <typename Element, typename RowOf>
void round_rows(std::int64_t rows, std::int64_t width, std::int64_t depth, const RowOf& row_of,
             void* memory, std::int64_t row_bytes, float* scales) {
  for (std::int64_t row = 0; row < rows; ++row) {
    auto* to = reinterpret_cast<Activation<Element>*>(static_cast<char*>(memory) + row * row_bytes);
    round_row(row_of(row), width, depth, to, scales + row);
  }
}

// What a cell's arithmetic reads and writes of one block of units in one row.
struct Block {
  const float* z_x;  // (G, 16)
  const float* z_h;  // (G, 16), null where nothing recurs
  const float* z_r;  // (16) of the product of r*h, null where there is none
  Floats h;
  Floats c;
  Peepholes sees;
};

SUIMON_INLINE Floats both(const Block& block, int gate) {
  return load(block.z_x + gate * kLanes) + load(block.z_h + gate * kLanes);
}

SUIMON_INLINE void lstm(Block& block, Forget forget) {
  Floats kept[LstmUnits::kKept];
  const auto sum = [&](int at) { return both(block, at); };
  LstmUnits::step({.kind = Kind::lstm, .forget = forget}, sum, block.sees, block.c, kept);
  block.h = kept[3] * tanh(block.c);
}

SUIMON_INLINE void gru(Block& block) {
  Floats kept[GruUnits::kKept];
  const auto sum = [&](int at) {  // n r z m of r z n
    if (at == 0) return load(block.z_x + 2 * kLanes);
    return at == 3 ? load(block.z_h + 2 * kLanes) : both(block, at - 1);
  };
  block.h = GruUnits::step({.kind = Kind::gru}, sum, block.h, kept);
}

// Of z and n; r is part of z_r already.
SUIMON_INLINE void gru_reset_before(Block& block) {
  Floats kept[GruUnits::kKept];
  const auto sum = [&](int at) {  // n r z m
    if (at == 0) return load(block.z_x + kLanes);
    return at == 3 ? load(block.z_r) : at == 2 ? both(block, 0) : Floats{};
  };
  block.h = GruUnits::step({.kind = Kind::gru, .reset_after = false}, sum, block.h, kept);
}

SUIMON_INLINE void mingru(Block& block) {
  const Floats z = sigmoid(load(block.z_x));
  block.h = (1.0f - z) * block.h + z * load(block.z_x + kLanes);
}

// The shares f/(i + f) and i/(i + f) from 1/i and 1/f, which stay finite where both gates are so
// closed that the quotients would be 0/0.
SUIMON_INLINE void minlstm(Block& block) {
  const Floats over_i = one_plus_exp(-load(block.z_x));  // 1/i
  const Floats over_f = one_plus_exp(-load(block.z_x + kLanes));
  const Floats f = over_i / (over_i + over_f);
  block.h = f * block.h + over_f / (over_i + over_f) * load(block.z_x + 2 * kLanes);
}

template <CellKind kKind>
SUIMON_INLINE void cell(Block& block) {
  if constexpr (kKind == CellKind::lstm) lstm(block, Forget::own);
  else if constexpr (kKind == CellKind::lstm_coupled) lstm(block, Forget::coupled);
  else if constexpr (kKind == CellKind::lstm_ungated) lstm(block, Forget::none);
  else if constexpr (kKind == CellKind::gru) gru(block);
  else if constexpr (kKind == CellKind::gru_reset_before) gru_reset_before(block);
  else if constexpr (kKind == CellKind::mingru) mingru(block);
  else if constexpr (kKind == CellKind::minlstm) minlstm(block);
  else {
    constexpr CellForm form{.kind = Kind::elman, .relu = kKind == CellKind::elman_relu};
    block.h = ElmanUnits::step(form, both(block, 0));
  }
}

// One layer of some rows: x[0] holds its input, x[1] takes its output.
template <typename Element>
class LayerStep {
 public:
  LayerStep(const StepLayer& layer, const StepRows& rows, const StepScratch& scratch,
            std::int64_t index, std::int64_t first, std::int64_t count, bool at_once,
            Tiles& tiles)
      : layer_(layer), rows_(rows), scratch_(scratch), first_(first), count_(count), tiles_(tiles),
        h_(rows.h[index] + first * layer.outputs),
        c_(is_lstm(layer.kind) ? rows.c[index] + first * layer.units : nullptr),
        width_((gates_of(layer.kind) - (resets_before() ? 1 : 0)) * kLanes),
        together_(at_once ? layer.blocks : blocks_together(layer.kind)),
        begin_(share_of(rows.member)),
        end_(share_of(rows.member + 1)), index_(index), at_once_(at_once) {}

  template <typename RowOf>
  void run(const RowOf& input_row) {
    const Activations x{scratch_.activations, scratch_.row_bytes, scales(0)};
    if (layer_.gates.table == nullptr) {
      round_rows<Element>(count_, layer_.gates.ih.inputs, layer_.gates.ih.depth, input_row,
                          scratch_.activations, scratch_.row_bytes, scratch_.row_scales);
    }
    if (!at_once_) round_state();
    if (resets_before()) {
      for_chunks([&](std::int64_t block, std::int64_t end) { reset(x, block, end); });
      const auto row_of = [&](std::int64_t row) { return scratch_.x[1] + row * scratch_.x_stride; };
      round_rows<Element>(count_, layer_.units, layer_.candidate.depth, row_of, scratch_.reset,
                          scratch_.row_bytes, scratch_.row_scales + 2 * kStepRows);
    }
    for_chunks([&](std::int64_t block, std::int64_t end) {
      if (layer_.gates.table == nullptr) {
        multiply(layer_.gates.ih, width_ / kLanes, x, block, end, scratch_.z_x);
      }
      if (!state_comes_first()) multiply_state(block, end);
      finish(block, end);
    });
    if (projects()) project();
  }

  // h, as it is before any block of it is written, ready to be multiplied.
  void round_state() {
    if (layer_.gates.hh.lines == nullptr) return;
    const auto state_row = [&](std::int64_t row) { return h_ + row * layer_.outputs; };
    round_rows<Element>(count_, layer_.outputs, layer_.gates.hh.depth, state_row, rounded_state(),
                        scratch_.row_bytes, scratch_.row_scales + kStepRows + first_state());
  }

  // Every other step begins with the products of the states, the last layer's first: see
  // StepEngine::step.
  void multiply_state_first() {
    if (state_comes_first()) multiply_state(begin_, end_);
  }

  // The state of the first layer, which the others of a team may have read until now, from its
  // output, which is the same.
  void keep_state() {
    const std::int64_t at = begin_ * kLanes;
    const std::int64_t end = end_ * kLanes < layer_.units ? end_ * kLanes : layer_.units;
    for (std::int64_t row = 0; row < count_ && at < end; ++row) {
      std::memcpy(h_ + row * layer_.units + at, scratch_.x[1] + row * scratch_.x_stride + at,
                  static_cast<std::size_t>(end - at) * sizeof(float));
    }
  }

 private:
  // The first block of a member of the team, at a whole panel.
  std::int64_t share_of(std::int64_t member) const {
    const std::int64_t unit = blocks_together(layer_.kind);
    const std::int64_t pieces = (layer_.blocks + unit - 1) / unit;
    const std::int64_t block = pieces * member / rows_.members * unit;
    return block < layer_.blocks ? block : layer_.blocks;
  }

  bool state_comes_first() const { return at_once_ && rows_.backwards && index_ > 0; }

  // Where all layers' products are made at once, their states and z_h stand one after the other.
  std::int64_t first_state() const { return at_once_ ? index_ * count_ : 0; }
  char* rounded_state() const {
    return static_cast<char*>(scratch_.state) + first_state() * scratch_.row_bytes;
  }
  float* z_h() const { return scratch_.z_h + (at_once_ ? layer_.sums_before * count_ : 0); }

  const float* scales(std::int64_t row) const {
    return sizeof(Element) == 1 ? scratch_.row_scales + row : nullptr;
  }

  bool resets_before() const { return layer_.kind == CellKind::gru_reset_before; }

  bool projects() const { return layer_.projection.lines != nullptr; }

  // h, and the layer's output, from what stands where the output comes.
  void project() {
    const auto row_of = [&](std::int64_t row) { return scratch_.x[1] + row * scratch_.x_stride; };
    const LineMatrix& matrix = layer_.projection;
    round_rows<Element>(count_, layer_.units, matrix.depth, row_of, scratch_.reset,
                        scratch_.row_bytes, scratch_.row_scales + 2 * kStepRows);
    const Activations a{scratch_.reset, scratch_.row_bytes, scales(2 * kStepRows)};
    constexpr std::int64_t width = kPanelGroups * kLineColumns;
    for (std::int64_t group = 0; group < matrix.groups; group += kPanelGroups) {
      const std::int64_t left = matrix.groups - group;
      const std::int64_t end = group + (left < kPanelGroups ? left : kPanelGroups);
      line_product<Element>(tiles_, matrix, group, end, a, count_, scratch_.z_x, width, false);
      for (std::int64_t row = 0; row < count_; ++row) {
        for (std::int64_t at = group * kLanes; at < end * kLanes; at += kLanes) {
          const Floats h = load(scratch_.z_x + row * width + at - group * kLanes);
          give(row, at, h);
        }
      }
    }
  }

  // h of a block, and with it the layer's output.
  __attribute__((always_inline)) void give(std::int64_t row, std::int64_t at, Floats h) {
    const std::int64_t place = row * scratch_.x_stride + at;
    if (rows_.members == 1 || index_ > 0) {
      store_some(h_ + row * layer_.outputs + at, h, layer_.outputs - at);
    }
    if (layer_.adds_input) h += load(scratch_.x[0] + place);
    store(scratch_.x[1] + place, h);
  }

  // each(block, end) for the blocks that are worked on together, one after the other.
  template <typename Each>
  void for_chunks(const Each& each) {
    const std::int64_t chunks = (end_ - begin_ + together_ - 1) / together_;
    for (std::int64_t n = 0; n < chunks; ++n) {
      const std::int64_t block = begin_ + (rows_.backwards ? chunks - 1 - n : n) * together_;
      each(block, block + together_ < end_ ? block + together_ : end_);
    }
  }

  // z of the blocks from `block` to `end`, `gates` of each.
  void multiply(const LineMatrix& matrix, std::int64_t gates, const Activations& a,
                std::int64_t block, std::int64_t end, float* z) {
    line_product<Element>(tiles_, matrix, block * gates, end * gates, a, count_, z,
                          together_ * gates * kLanes, rows_.backwards);
  }

  void multiply_state(std::int64_t block, std::int64_t end) {
    if (layer_.gates.hh.lines == nullptr) return;
    const std::int64_t gates = resets_before() ? 1 : width_ / kLanes;
    multiply(layer_.gates.hh, gates, state(), block, end, z_h());
    if (!resets_before()) return;
    const Activations reset{scratch_.reset, scratch_.row_bytes, scales(2 * kStepRows)};
    multiply(layer_.candidate, 1, reset, block, end, of_candidate());
  }

  Activations state() const {
    return {rounded_state(), scratch_.row_bytes, scales(kStepRows + first_state())};
  }

  // Where the product of r*h goes: behind that of h, one gate each.
  float* of_candidate() const { return z_h() + count_ * together_ * kLanes; }

  // r*h of some blocks, to where the layer's output comes later.
  void reset(const Activations& x, std::int64_t block, std::int64_t end) {
    if (layer_.reset.table == nullptr) multiply(layer_.reset.ih, 1, x, block, end, scratch_.z_x);
    multiply(layer_.reset.hh, 1, state(), block, end, scratch_.z_h);
    for (std::int64_t row = 0; row < count_; ++row) {
      const float* z_x = z_x_of(layer_.reset, row, block, 1);
      const float* z_h = scratch_.z_h + row * together_ * kLanes;
      for (std::int64_t at = block * kLanes; at < end * kLanes; at += kLanes) {
        const std::int64_t past = at - block * kLanes;
        const Floats r = sigmoid(load(z_x + past) + load(z_h + past));
        const Floats h = load_some(h_ + row * layer_.units + at, layer_.units - at);
        store(scratch_.x[1] + row * scratch_.x_stride + at, r * h);
      }
    }
  }

  // z_x of a row from a block on.
  const float* z_x_of(const StepProducts& products, std::int64_t row, std::int64_t block,
                      std::int64_t gates) const {
    if (products.table == nullptr) return scratch_.z_x + row * together_ * gates * kLanes;
    const std::int64_t token = rows_.tokens[first_ + row];
    return products.table + (token * layer_.blocks + block) * gates * kLanes;
  }

  void finish(std::int64_t block, std::int64_t end) {
    switch (layer_.kind) {
      case CellKind::lstm: return finish_as<CellKind::lstm>(block, end);
      case CellKind::lstm_coupled: return finish_as<CellKind::lstm_coupled>(block, end);
      case CellKind::lstm_ungated: return finish_as<CellKind::lstm_ungated>(block, end);
      case CellKind::gru: return finish_as<CellKind::gru>(block, end);
      case CellKind::gru_reset_before: return finish_as<CellKind::gru_reset_before>(block, end);
      case CellKind::elman_tanh: return finish_as<CellKind::elman_tanh>(block, end);
      case CellKind::elman_relu: return finish_as<CellKind::elman_relu>(block, end);
      case CellKind::mingru: return finish_as<CellKind::mingru>(block, end);
      case CellKind::minlstm: return finish_as<CellKind::minlstm>(block, end);
    }
  }

  template <CellKind kKind>
  void finish_as(std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = 0; row < count_; ++row) {
      const float* z_x = z_x_of(layer_.gates, row, begin, width_ / kLanes);
      constexpr bool resets = kKind == CellKind::gru_reset_before;
      const std::int64_t width = resets ? kLanes : width_;  // of a block in z_of_h
      const float* z_of_h = z_h() + row * together_ * width;
      const float* z_of_r = of_candidate() + row * together_ * width;
      for (std::int64_t n = begin; n < end; ++n) {
        const std::int64_t at = n * kLanes;
        const std::int64_t units = layer_.units - at;
        Block block{z_x + (n - begin) * width_, z_of_h + (n - begin) * width,
                    resets ? z_of_r + (n - begin) * width : nullptr, {}, {},
                    {nullptr, layer_.blocks * kLanes}};
        if (layer_.peephole != nullptr) block.sees.at = layer_.peephole + at;
        float* c = is_lstm(kKind) ? c_ + row * layer_.units + at : nullptr;
        constexpr bool reads_h = kKind == CellKind::gru || resets || kKind == CellKind::mingru ||
                                 kKind == CellKind::minlstm;
        if constexpr (reads_h) block.h = load_some(h_ + row * layer_.units + at, units);
        if constexpr (is_lstm(kKind)) block.c = load_some(c, units);
        cell<kKind>(block);
        if constexpr (is_lstm(kKind)) store_some(c, block.c, units);
        if (projects()) store(scratch_.x[1] + row * scratch_.x_stride + at, block.h);
        else give(row, at, block.h);
      }
    }
  }

  const StepLayer& layer_;
  const StepRows& rows_;
  const StepScratch& scratch_;
  const std::int64_t first_;
  const std::int64_t count_;
  Tiles& tiles_;
  float* const h_;
  float* const c_;
  const std::int64_t width_;     // of z_x of a block
  const std::int64_t together_;  // blocks whose products are made before their units
  const std::int64_t begin_;     // blocks of this member of the team
  const std::int64_t end_;
  const std::int64_t index_;
  const bool at_once_;           // see StepNetwork
};

// What follows the stack, from x[0]: the last matrix gives the scores.
template <typename Element>
void run_linears(const StepNetwork& network, const StepRows& rows, StepScratch& scratch,
                 std::int64_t first, std::int64_t count, Tiles& tiles) {
  constexpr std::int64_t width = kPanelGroups * kLineColumns;
  for (std::int64_t n = 0; n < network.linear_count; ++n) {
    const LineMatrix& matrix = network.linears[n];
    const bool last = n + 1 == network.linear_count;
    const auto input_row = [&](std::int64_t row) { return scratch.x[0] + row * scratch.x_stride; };
    round_rows<Element>(count, matrix.inputs, matrix.depth, input_row, scratch.activations,
                        scratch.row_bytes, scratch.row_scales);
    const Activations a{scratch.activations, scratch.row_bytes,
                        sizeof(Element) == 1 ? scratch.row_scales : nullptr};
    const std::int64_t panels = (matrix.groups + kPanelGroups - 1) / kPanelGroups;
    const std::int64_t last_panel = panels * (rows.member + 1) / rows.members;
    for (std::int64_t panel = panels * rows.member / rows.members; panel < last_panel; ++panel) {
      const std::int64_t group = panel * kPanelGroups, left = matrix.groups - group;
      const std::int64_t end = group + (left < kPanelGroups ? left : kPanelGroups);
      line_product<Element>(tiles, matrix, group, end, a, count, scratch.z_x, width, false);
      for (std::int64_t row = 0; row < count; ++row) {
        for (std::int64_t at = group * kLanes; at < end * kLanes; at += kLanes) {
          const Floats z = load(scratch.z_x + row * width + at - group * kLanes);
          float* scores = rows.scores + (first + row) * network.outputs + at;
          if (!last) store(scratch.x[1] + row * scratch.x_stride + at, z);
          else if (at < network.outputs) store_some(scores, z, network.outputs - at);
        }
      }
    }
    if (!last && rows.members > 1) rows.meeting->wait();
    float* const spare = scratch.x[0];
    scratch.x[0] = scratch.x[1];
    scratch.x[1] = spare;
  }
}

template <typename Element>
void run_rows(const StepNetwork& network, const StepRows& rows, StepScratch scratch,
              std::int64_t first, std::int64_t count, Tiles& tiles) {
  const bool at_once = makes_sums_at_once(network, count);
  const auto layer_at = [&](std::int64_t n) {
    return LayerStep<Element>(network.layers[n], rows, scratch, n, first, count, at_once, tiles);
  };
  for (std::int64_t n = network.depth - 1; at_once && n >= 0; --n) {
    LayerStep<Element> layer = layer_at(n);
    layer.round_state();
    layer.multiply_state_first();
  }
  for (std::int64_t n = 0; n < network.depth; ++n) {
    LayerStep<Element> layer = layer_at(n);
    layer.run([&](std::int64_t row) -> const float* {
      if (n > 0) return scratch.x[0] + row * scratch.x_stride;
      if (rows.x != nullptr) return rows.x + (first + row) * network.inputs;
      return network.embedding + rows.tokens[first + row] * network.inputs;
    });
    if (rows.members > 1) {
      rows.meeting->wait();
      if (n == 0) layer.keep_state();
    }
    float* const spare = scratch.x[0];
    scratch.x[0] = scratch.x[1];
    scratch.x[1] = spare;
  }
  if (rows.scores == nullptr) return;
  if (network.linear_count > 0) {
    return run_linears<Element>(network, rows, scratch, first, count, tiles);
  }
  for (std::int64_t row = 0; row < count && rows.member == 0; ++row) {
    std::memcpy(rows.scores + (first + row) * network.outputs,
                scratch.x[0] + row * scratch.x_stride,
                static_cast<std::size_t>(network.outputs) * sizeof(float));
  }
}

template <typename Element>
void run_all(const StepNetwork& network, const StepRows& rows, const StepScratch& scratch) {
  Tiles tiles;
  for (std::int64_t first = rows.row_begin; first < rows.row_end; first += kStepRows) {
    const std::int64_t left = rows.row_end - first;
    run_rows<Element>(network, rows, scratch, first, left < kStepRows ? left : kStepRows, tiles);
  }
}

}  // namespace

#define SUIMON_DEFINE_STEP(ELEMENT)                                                     \
  void step(const StepNetwork& network, const StepRows& rows, const StepScratch& scratch, \
            ELEMENT) {                                                                  \
    run_all<ELEMENT>(network, rows, scratch);                                           \
  }
#if defined(SUIMON_AMX)
SUIMON_DEFINE_STEP(Bf16)
SUIMON_DEFINE_STEP(std::int8_t)
#elif defined(SUIMON_AVX512_BF16)
SUIMON_DEFINE_STEP(Bf16)
#elif defined(SUIMON_AVX512_VNNI)
SUIMON_DEFINE_STEP(std::int8_t)
#else
SUIMON_DEFINE_STEP(float)
#ifndef __AVX512F__
SUIMON_DEFINE_STEP(std::int8_t)
#endif
#endif
#undef SUIMON_DEFINE_STEP

}  // namespace suimon::SUIMON_ISA
