// Recurrent layers for Python: check every array, pack the weights, let go of the interpreter, run.
#include <nanobind/stl/string_view.h>

#include <algorithm>
#include <memory>
#include <unordered_map>

#include "arrays.h"
#include "src/layout.h"
#include "src/panels.h"
#include "src/sequence.h"

namespace suimon::binding {
namespace {

constexpr std::int64_t kBlock = kUnitsPerBlock;
constexpr std::int64_t kPanelWidth = kBlocksPerPanel * kBlock;
constexpr std::int64_t kPeepholes = 3;

// The cells by name, as Python gives them.
CellForm form_of(std::string_view cell) {
  if (cell == "elman tanh") return {.kind = Kind::elman};
  if (cell == "elman relu") return {.kind = Kind::elman, .relu = true};
  if (cell == "lstm") return {.kind = Kind::lstm};
  if (cell == "lstm coupled") return {.kind = Kind::lstm, .forget = Forget::coupled};
  if (cell == "lstm no forget gate") return {.kind = Kind::lstm, .forget = Forget::none};
  if (cell == "gru") return {.kind = Kind::gru};
  if (cell == "gru reset first") return {.kind = Kind::gru, .reset_after = false};
  throw std::invalid_argument("there is no native cell '" + std::string(cell) + "'");
}

// Arrays by name. Those that a cell does not need are None.
class Arrays {
 public:
  // A capsule can be opened once only, so all are opened here. The names must outlive this.
  explicit Arrays(const nb::dict& named) {
    for (const auto& [name, array] : named) {
      const std::string_view key(PyUnicode_AsUTF8(name.ptr()));
      named_[key] = array.is_none() ? OptionalArray() : nb::cast<Array>(array);
    }
  }

  Array required(const char* name) const {
    const OptionalArray array = optional(name);
    if (!array) throw std::invalid_argument(quoted(name) + " is missing");
    return *array;
  }

  OptionalArray optional(const char* name) const {
    const auto found = named_.find(name);
    if (found == named_.end()) throw std::invalid_argument(quoted(name) + " is not named");
    return found->second;
  }

  template <typename Element>
  Element* of(const char* name, const ArrayShape& shape) const {
    return checked<Element>(quoted(name), required(name), shape);
  }

  // Null where it is None.
  template <typename Element>
  Element* maybe(const char* name, const ArrayShape& shape) const {
    return checked<Element>(quoted(name), optional(name), shape);
  }

  std::int64_t axis(const char* name, std::size_t index) const {
    const Array array = required(name);
    if (index >= array.ndim()) throw std::invalid_argument(quoted(name) + " has too few axes");
    return static_cast<std::int64_t>(array.shape(index));
  }

  // (T or 1, B or 1, width): an axis of 1 stands for all.
  Keep keep(const char* name, std::int64_t steps, std::int64_t rows, std::int64_t width) const {
    if (!optional(name)) return {nullptr, 0, 0};
    const std::int64_t T = axis(name, 0) == 1 ? 1 : steps, B = axis(name, 1) == 1 ? 1 : rows;
    return {of<float>(name, {T, B, width}), T == 1 ? 0 : B * width, B == 1 ? 0 : width};
  }

 private:
  static std::string quoted(const char* name) { return "`" + std::string(name) + "`"; }

  std::unordered_map<std::string_view, OptionalArray> named_;
};

// Memory that packed weights are written to: kept by each thread for its next call, because fresh
// pages cost more than what is written to them.
template <typename Element>
class Workspace {
 public:
  Element* of(std::int64_t size) {
    if (size > size_) {
      memory_.reset(new (std::align_val_t{64}) Element[static_cast<std::size_t>(size)]);
      size_ = size;
    }
    return memory_.get();
  }

 private:
  struct Free {
    void operator()(Element* memory) const { operator delete[](memory, std::align_val_t{64}); }
  };
  std::unique_ptr<Element[], Free> memory_;
  std::int64_t size_ = 0;
};

void refuse_bf16(Isa isa) {
  if (!multiplies_bf16(isa)) {
    throw std::invalid_argument(std::string(name_of(isa)) + " has no products of bfloat16");
  }
}

void refuse_misaligned(const char* name, const float* memory) {
  if (reinterpret_cast<std::uintptr_t>(memory) % 64 != 0) {
    throw std::invalid_argument("`" + std::string(name) +
                                "` does not begin at a multiple of 64 bytes");
  }
}

void refuse(bool wrong, const char* why) {
  if (wrong) throw std::invalid_argument(why);
}

// The sizes that forward and backward have in common.
struct Sizes {
  std::int64_t T, B, U, P;  // as sequence.h has them
  std::int64_t H, output;   // the true number of units, and the true width of h
  std::int64_t blocks, blocks_of_h, panels, panels_of_h;

  Sizes(const CellForm& cell, const Arrays& arrays, const char* output_name, std::int64_t units)
      : T(arrays.axis(output_name, 0)),
        B(arrays.axis(output_name, 1)),
        U(units),
        P(arrays.axis(output_name, 2)),
        H(arrays.axis("weight_hh", 0) / cell.gates()),
        output(arrays.axis("weight_hh", 1)),
        blocks(U / kBlock),
        blocks_of_h(P / kBlock),
        panels((U + kPanelWidth - 1) / kPanelWidth),
        panels_of_h((P + kPanelWidth - 1) / kPanelWidth) {
    refuse(U % kBlock != 0 || P % kBlock != 0 || U < H || P < output,
           "the units or the output are not in whole blocks");
    refuse(P != U && !arrays.optional("weight_hr"), "an output of another width than the units");
  }
};

// The matrices of a cell, as they are packed.
struct Matrices {
  GateMatrix ih, hh, hn, hr;

  Matrices(const CellForm& cell, const Arrays& arrays, const Sizes& sizes, std::int64_t inputs) {
    const std::int64_t H = sizes.H, G = cell.gates();
    const float* from_x =
        inputs == 0 ? nullptr : arrays.of<float>("weight_ih", {G * H, inputs});
    const float* from_h = arrays.of<float>("weight_hh", {G * H, sizes.output});
    const float* projection = arrays.maybe<float>("weight_hr", {sizes.output, H});
    ih = {from_x, G, H, inputs};
    if (cell.kind == Kind::gru) {  // stored as r z n, summed as n r z
      ih.order[0] = 2, ih.order[1] = 0, ih.order[2] = 1;
    }
    hh = {from_h, cell.gates_from_h(), H, sizes.output};
    hn = {hh.gates == G ? nullptr : from_h + hh.gates * H * H, 1, H, H};
    hr = {projection, 1, sizes.output, H};
  }
};

BiasLayout bias_layout(const CellForm& cell, const Sizes& sizes, const Matrices& matrices) {
  BiasLayout layout{cell, sizes.H, sizes.U, {}};
  std::copy_n(matrices.ih.order, 4, layout.order);
  return layout;
}

// The arrays of a norm, each null where it is None; forward has no gradients.
template <typename Element>
Norm<Element> norm_of(const CellForm& cell, const Arrays& arrays, const Sizes& sizes,
                      const std::string& which) {
  const auto [T, B, U, P, H, output, blocks, blocks_of_h, panels, panels_of_h] = sizes;
  const std::int64_t G = cell.gates();
  const std::string gain = "gain_" + which, normed = "normed_" + which, rate = "rate_" + which;
  return {.gain = arrays.maybe<float>(gain.c_str(), {blocks, G, kBlock}),
          .normed = arrays.maybe<float>(normed.c_str(), {T, B, blocks, G, kBlock}),
          .rate = arrays.maybe<float>(rate.c_str(), {T, B, 2}),
          .grad_gain = nullptr,
          .grad_product = nullptr};
}

// Whether one of what a norm and the units leave to backward is there, and the other is not.
template <typename Element>
bool kept_otherwise(const Norm<Element>& norm, const float* gates) {
  if (norm.gain == nullptr) return false;
  return (norm.normed != nullptr) != (gates != nullptr) || (norm.rate != nullptr) != (gates != nullptr);
}

// What backward needs of a norm that is there.
template <typename Element>
void add_gradients(Norm<Element>& norm, const CellForm& cell, const Arrays& arrays,
                   const Sizes& sizes, std::int64_t stride, std::int64_t members,
                   const std::string& which) {
  if (norm.gain == nullptr) return;
  refuse(norm.normed == nullptr || norm.rate == nullptr, "`normed` or `rate` is missing");
  const std::string gain = "grad_gain_" + which, product = "grad_product_" + which;
  norm.grad_gain = arrays.of<float>(gain.c_str(), {members, sizes.blocks, cell.gates(), kBlock});
  norm.grad_product = arrays.of<Element>(product.c_str(), {sizes.T, sizes.B, stride});
}

// The arrays of Phases that both passes have, each null where it is None.
template <typename Element>
Phases<Element> phases_of(const CellForm& cell, const Arrays& arrays, const Sizes& sizes) {
  const auto [T, B, U, P, H, output, blocks, blocks_of_h, panels, panels_of_h] = sizes;
  Phases<Element> phases{};
  phases.of_h = norm_of<Element>(cell, arrays, sizes, "h");
  phases.of_x = norm_of<Element>(cell, arrays, sizes, "x");
  refuse((phases.of_x.gain != nullptr) != (phases.of_h.gain != nullptr && cell.kind != Kind::elman),
         "a norm of one product without the other's");
  phases.c_gain = arrays.maybe<float>("c_gain", {blocks, kBlock});
  phases.c_bias = arrays.maybe<float>("c_bias", {blocks, kBlock});
  phases.c_rate = arrays.maybe<float>("c_rate", {T, B, 2});
  refuse((phases.c_gain == nullptr) != (phases.c_bias == nullptr), "a norm of c without its bias");
  refuse(phases.c_gain != nullptr && cell.kind != Kind::lstm, "a norm of c is for the LSTM");
  return phases;
}

template <typename Element>
void forward(const CellForm& cell, const Arrays& arrays, std::int64_t units, bool reverse,
             int threads, Isa isa) {
  const Sizes sizes(cell, arrays, "output", units);
  const auto [T, B, U, P, H, output, blocks, blocks_of_h, panels, panels_of_h] = sizes;
  const std::int64_t X = arrays.axis("x", 2), S = arrays.axis("h_before", 2);
  const std::int64_t I = arrays.axis("weight_ih", 1);
  const std::int64_t G = cell.gates(), K = cell.kept();
  const std::int64_t tiles = (blocks + cell.blocks_in_tile() - 1) / cell.blocks_in_tile();
  refuse(X < I || S != P, "`x` or `h_before` is too narrow, or `h_before` too wide");
  const Matrices matrices(cell, arrays, sizes, I);
  const BiasLayout biases = bias_layout(cell, sizes, matrices);
  const float* bias_ih = arrays.maybe<float>("bias_ih", {G * H});
  const float* bias_hh = arrays.maybe<float>("bias_hh", {G * H});
  static thread_local Workspace<Element> for_ih, for_hh, for_hn, for_hr;
  static thread_local Workspace<float> for_bias, for_h, for_c;
  Element* panels_ih = for_ih.of(G * U * X);
  Element* panels_hh = for_hh.of(matrices.hh.gates * U * S);
  SequenceForward<Element> work{
      .shape = {T, B, U, X, P, S, H, reverse},
      .cell = cell,
      .x = arrays.of<Element>("x", {T, B, X}),
      .panels_ih = panels_ih,
      .panels_hh = panels_hh,
      .bias = for_bias.of(U * cell.sums()),
      .peephole = arrays.maybe<float>("peephole", {blocks, kPeepholes, kBlock}),
      .marks = arrays.maybe<std::uint8_t>("marks", {T, B}),
      .mask = arrays.maybe<float>("mask", {B, P}),
      .keep_h = arrays.keep("keep_h", T, B, P),
      .keep_c = arrays.keep("keep_c", T, B, U),
      .h_before = arrays.of<Element>("h_before", {T, B, S}),
      .gates = arrays.maybe<float>("gates", {T, blocks, B, K, kBlock}),
      .carry = arrays.maybe<float>("carry", {T, blocks, B, kBlock}),
      .output = arrays.of<Element>("output", {T, B, P}),
      .h_n = for_h.of(P * B),
      .c_n = cell.kind == Kind::lstm ? for_c.of(U * B) : nullptr,
      .phases = phases_of<Element>(cell, arrays, sizes),
  };
  const float* h_0 = arrays.of<float>("h_0", {B, output});
  float* h_n = arrays.of<float>("h_n", {B, output});
  const float* c_0 = arrays.maybe<float>("c_0", {B, H});
  float* c_n = arrays.maybe<float>("c_n", {B, H});
  refuse((c_0 != nullptr) != (cell.kind == Kind::lstm) || (c_0 == nullptr) != (c_n == nullptr),
         "`c_0` and `c_n` are for the LSTM");
  refuse_misaligned("gates", work.gates);
  refuse_misaligned("carry", work.carry);
  refuse_misaligned("normed_h", work.phases.of_h.normed);
  refuse_misaligned("normed_x", work.phases.of_x.normed);
  refuse(kept_otherwise(work.phases.of_h, work.gates) || kept_otherwise(work.phases.of_x, work.gates),
         "a norm is kept without `gates`, or `gates` without its norm");
  refuse((work.carry != nullptr) != (work.gates != nullptr && cell.kind != Kind::elman),
         "`gates` without `carry`, or `carry` without `gates`");
  Phases<Element>& phases = work.phases;
  if (matrices.hn.values != nullptr) {
    phases.panels_hn = for_hn.of(U * S);
    phases.reset_h = arrays.of<Element>("reset_h", {T, B, S});
  }
  if (matrices.hr.values != nullptr) {
    phases.panels_hr = for_hr.of(P * U);
    phases.unprojected = arrays.of<Element>("unprojected", {T, B, U});
  }
  if (phases.any()) {
    phases.sums = arrays.of<float>("sums", {tiles, B, kTileWidth});
    phases.settled = phases.of_h.gain == nullptr
                         ? phases.sums
                         : arrays.of<float>("settled", {tiles, B, kTileWidth});
    if (phases.of_x.gain != nullptr) {
      phases.sums_x = arrays.of<float>("sums_x", {tiles, B, kTileWidth});
    }
  }
  const nb::gil_scoped_release let_go;
  const std::int64_t together = cell.blocks_in_tile();
  pack_for_gates(matrices.ih, together, U, X, panels_ih, threads);
  pack_for_gates(matrices.hh, together, U, S, panels_hh, threads);
  if (phases.panels_hn != nullptr) {
    pack_for_gates(matrices.hn, kBlocksPerPanel, U, S, for_hn.of(U * S), threads);
  }
  if (phases.panels_hr != nullptr) {
    pack_for_gates(matrices.hr, kBlocksPerPanel, P, U, for_hr.of(P * U), threads);
  }
  to_sums(biases, bias_ih, bias_hh, for_bias.of(U * cell.sums()));
  to_columns(h_0, B, output, blocks_of_h, kBlock, work.h_n);
  if (c_0 != nullptr) to_columns(c_0, B, H, blocks, kBlock, work.c_n);
  const std::int64_t first = reverse ? T - 1 : 0;
  to_first_factor(h_0, B, output, S, work.marks == nullptr ? nullptr : work.marks + first * B,
                  work.mask, work.h_before + first * B * S);
  run(work, isa, threads);
  from_columns(work.h_n, B, output, kBlock, h_n);
  if (c_n != nullptr) from_columns(work.c_n, B, H, kBlock, c_n);
}

template <typename Element>
void backward(const CellForm& cell, const Arrays& arrays, std::int64_t units, bool reverse,
              int threads, Isa isa) {
  const Sizes sizes(cell, arrays, "grad_output", units);
  const auto [T, B, U, P, H, output, blocks, blocks_of_h, panels, panels_of_h] = sizes;
  const std::int64_t G = cell.gates(), K = cell.kept(), Z = cell.sums();
  const std::int64_t S = arrays.axis("h_before", 2), stride = arrays.axis("grad_sums", 2);
  const std::int64_t members = std::max(threads, 1);
  const bool carries = cell.kind != Kind::elman;
  refuse(stride < Z * U, "`grad_sums` is too narrow");
  refuse(S < P, "`h_before` is too narrow");
  const Matrices matrices(cell, arrays, sizes, 0);
  const BiasLayout biases = bias_layout(cell, sizes, matrices);
  static thread_local Workspace<Element> for_panels, for_hn, for_hr;
  static thread_local Workspace<float> for_bias, for_carry, for_h, for_c;
  Element* panels_back = for_panels.of(matrices.hh.gates * U * P);
  SequenceBackward<Element> work{
      .shape = {T, B, U, 0, P, S, H, reverse},
      .cell = cell,
      .panels_back = panels_back,
      .peephole = arrays.maybe<float>("peephole", {blocks, kPeepholes, kBlock}),
      .gates = arrays.of<float>("gates", {T, blocks, B, K, kBlock}),
      .carry = arrays.maybe<float>("carry", {T, blocks, B, kBlock}),
      .carry_0 = carries ? for_carry.of(U * B) : nullptr,
      .marks = arrays.maybe<std::uint8_t>("marks", {T, B}),
      .mask = arrays.maybe<float>("mask", {B, P}),
      .keep_h = arrays.keep("keep_h", T, B, P),
      .keep_c = arrays.keep("keep_c", T, B, U),
      .h_before = arrays.of<Element>("h_before", {T, B, S}),
      .grad_output = arrays.of<Element>("grad_output", {T, B, P}),
      .grad_h = for_h.of(panels_of_h * B * kPanelWidth),
      .grad_c = cell.kind == Kind::lstm ? for_c.of(U * B) : nullptr,
      .grad_sums = arrays.of<Element>("grad_sums", {T, B, stride}),
      .sums_stride = stride,
      .grad_bias = for_bias.of(members * U * Z),
      .grad_peephole = arrays.maybe<float>("grad_peephole", {members, blocks, kPeepholes, kBlock}),
      .phases = phases_of<Element>(cell, arrays, sizes),
  };
  const float* carry_0 = arrays.maybe<float>("carry_0", {B, H});
  refuse((work.carry != nullptr) != carries || (carry_0 != nullptr) != carries,
         "`carry` and `carry_0` do not suit the cell");
  const float* grad_h_n = arrays.maybe<float>("grad_h_n", {B, output});
  const float* grad_c_n = arrays.maybe<float>("grad_c_n", {B, H});
  float* grad_h_0 = arrays.of<float>("grad_h_0", {B, output});
  float* grad_c_0 = arrays.maybe<float>("grad_c_0", {B, H});
  refuse((grad_c_0 != nullptr) != (cell.kind == Kind::lstm), "`grad_c_0` is for the LSTM");
  float* grad_bias_ih = arrays.maybe<float>("grad_bias_ih", {G * H});
  float* grad_bias_hh = arrays.maybe<float>("grad_bias_hh", {G * H});
  refuse((grad_bias_ih == nullptr) != (grad_bias_hh == nullptr), "one bias without the other");
  Phases<Element>& phases = work.phases;
  add_gradients(phases.of_h, cell, arrays, sizes, stride, members, "h");
  add_gradients(phases.of_x, cell, arrays, sizes, stride, members, "x");
  if (phases.c_gain != nullptr) {
    refuse(phases.c_rate == nullptr, "`c_rate` is missing");
    phases.grad_c_norm = arrays.of<float>("grad_c_norm", {members, blocks, 2, kBlock});
    phases.reads = arrays.of<float>("reads", {blocks, B, 3, kBlock});
  }
  if (matrices.hn.values != nullptr) phases.panels_hn = for_hn.of(U * U);
  if (matrices.hr.values != nullptr) {
    phases.panels_hr = for_hr.of(P * U);
    phases.grad_projected = arrays.of<Element>("grad_projected", {T, B, P});
  }
  if (phases.any()) phases.units = arrays.of<float>("units", {panels, B, kPanelWidth});
  const nb::gil_scoped_release let_go;
  pack_for_state(matrices.hh, U, P, panels_back, threads);
  if (phases.panels_hn != nullptr) pack_for_state(matrices.hn, U, U, for_hn.of(U * U), threads);
  if (phases.panels_hr != nullptr) pack_for_state(matrices.hr, P, U, for_hr.of(P * U), threads);
  if (carries) to_columns(carry_0, B, H, blocks, kBlock, for_carry.of(U * B));
  to_columns(grad_h_n, B, output, panels_of_h, kPanelWidth, work.grad_h);
  if (grad_c_0 != nullptr) to_columns(grad_c_n, B, H, blocks, kBlock, work.grad_c);
  std::fill_n(work.grad_bias, members * U * Z, 0.0f);
  run(work, isa, threads);
  from_columns(work.grad_h, B, output, kPanelWidth, grad_h_0);
  if (grad_c_0 != nullptr) from_columns(work.grad_c, B, H, kBlock, grad_c_0);
  if (grad_bias_ih != nullptr) {
    from_sums(biases, work.grad_bias, members, grad_bias_ih, grad_bias_hh);
  }
}

// The pass in the type of the products, which is that of `h_before`.
template <auto kFloat, auto kPaired>
void pass(std::string_view cell, const nb::dict& arrays, std::int64_t units, bool reverse,
          int threads, std::string_view isa) {
  const Isa set = chosen(isa);
  const Arrays named(arrays);
  const bool paired = holds<Bf16>(named.required("h_before"));
  if (paired) refuse_bf16(set);
  (paired ? kPaired : kFloat)(form_of(cell), named, units, reverse, threads, set);
}

}  // namespace

void add_sequence(nb::module_& m) {
  m.def("sequence_forward", &pass<&forward<float>, &forward<Bf16>>, nb::arg("cell"),
        nb::arg("arrays"), nb::kw_only(), nb::arg("units"), nb::arg("reverse"), nb::arg("threads"),
        nb::arg("isa"), "Run a layer over a sequence; see src/sequence.h for every array.");
  m.def("sequence_backward", &pass<&backward<float>, &backward<Bf16>>, nb::arg("cell"),
        nb::arg("arrays"), nb::kw_only(), nb::arg("units"), nb::arg("reverse"), nb::arg("threads"),
        nb::arg("isa"),
        "The gradients of the sums and of the first state; see src/sequence.h for every array.");
}

}  // namespace suimon::binding
