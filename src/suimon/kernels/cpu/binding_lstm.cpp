// The LSTM for Python: check every array, pack the weights, let go of the interpreter, run.
#include <nanobind/stl/string_view.h>

#include <memory>

#include "arrays.h"
#include "src/lstm.h"
#include "src/panels.h"

namespace suimon::binding {
namespace {

constexpr std::int64_t kGates = 4;
constexpr std::int64_t kPanelWidth = kBlocksPerPanel * kUnitsPerBlock;

std::int64_t axis(const Array& array, std::size_t index) {
  return index < array.ndim() ? static_cast<std::int64_t>(array.shape(index)) : -1;
}

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

bool misaligned(const float* memory) { return reinterpret_cast<std::uintptr_t>(memory) % 64 != 0; }

template <typename Element>
void forward(const Array& x, const Array& weight_ih, const Array& weight_hh, const Array& bias,
             const OptionalArray& marks, const Array& h_before, const OptionalArray& gates,
             const OptionalArray& c, const Array& output, const Array& h_n, const Array& c_n, bool reverse,
             int threads, Isa isa) {
  const std::int64_t T = axis(x, 0), B = axis(x, 1), X = axis(x, 2);
  const std::int64_t H = axis(weight_hh, 1), I = axis(weight_ih, 1), S = axis(h_before, 2);
  const std::int64_t blocks = blocks_of(H), U = blocks * kUnitsPerBlock;
  if (X < I || S < U) throw std::invalid_argument("`x` or `h_before` is too narrow");
  if (gates.has_value() != c.has_value()) throw std::invalid_argument("`gates` without `c`");
  static thread_local Workspace<Element> for_ih, for_hh;
  Element* panels_ih = for_ih.of(kGates * U * X);
  Element* panels_hh = for_hh.of(kGates * U * S);
  const GateMatrix ih{checked<float>("`weight_ih`", weight_ih, {kGates * H, I}), kGates, H, I};
  const GateMatrix hh{checked<float>("`weight_hh`", weight_hh, {kGates * H, H}), kGates, H, H};
  const LstmForward<Element> work{
      .shape = {T, B, U, X, S, reverse},
      .x = checked<Element>("`x`", x, {T, B, X}),
      .panels_ih = panels_ih,
      .panels_hh = panels_hh,
      .bias = checked<float>("`bias`", bias, {blocks, kGates, kUnitsPerBlock}),
      .marks = checked<std::uint8_t>("`marks`", marks, {T, B}),
      .h_before = checked<Element>("`h_before`", h_before, {T, B, S}),
      .gates = checked<float>("`gates`", gates, {T, blocks, B, kGates, kUnitsPerBlock}),
      .c = checked<float>("`c`", c, {T, blocks, B, kUnitsPerBlock}),
      .output = checked<Element>("`output`", output, {T, B, U}),
      .h_n = checked<float>("`h_n`", h_n, {blocks, B, kUnitsPerBlock}),
      .c_n = checked<float>("`c_n`", c_n, {blocks, B, kUnitsPerBlock}),
  };
  if (misaligned(work.gates) || misaligned(work.c)) {
    throw std::invalid_argument("`gates` or `c` does not begin at a multiple of 64 bytes");
  }
  const nb::gil_scoped_release let_go;
  pack_for_gates(ih, X, panels_ih, threads);
  pack_for_gates(hh, S, panels_hh, threads);
  run(work, isa, threads);
}

template <typename Element>
void backward(const Array& weight_hh, const Array& gates, const Array& c, const Array& c_0,
              const OptionalArray& marks, const Array& grad_output, const Array& grad_h,
              const Array& grad_c, const Array& grad_gates, bool reverse, int threads, Isa isa) {
  const std::int64_t T = axis(grad_output, 0), B = axis(grad_output, 1);
  const std::int64_t H = axis(weight_hh, 1), blocks = blocks_of(H), U = blocks * kUnitsPerBlock;
  static thread_local Workspace<Element> for_panels;
  Element* panels = for_panels.of(kGates * U * U);
  const GateMatrix hh{checked<float>("`weight_hh`", weight_hh, {kGates * H, H}), kGates, H, H};
  const std::int64_t stride = axis(grad_gates, 2);
  const std::int64_t wide = (U + kPanelWidth - 1) / kPanelWidth;
  if (stride < kGates * U) throw std::invalid_argument("`grad_gates` is too narrow");
  const LstmBackward<Element> work{
      .shape = {T, B, U, 0, U, reverse},
      .panels_back = panels,
      .gates = checked<float>("`gates`", gates, {T, blocks, B, kGates, kUnitsPerBlock}),
      .c = checked<float>("`c`", c, {T, blocks, B, kUnitsPerBlock}),
      .c_0 = checked<float>("`c_0`", c_0, {blocks, B, kUnitsPerBlock}),
      .marks = checked<std::uint8_t>("`marks`", marks, {T, B}),
      .grad_output = checked<Element>("`grad_output`", grad_output, {T, B, U}),
      .grad_h = checked<float>("`grad_h`", grad_h, {wide, B, kPanelWidth}),
      .grad_c = checked<float>("`grad_c`", grad_c, {blocks, B, kUnitsPerBlock}),
      .grad_gates = checked<Element>("`grad_gates`", grad_gates, {T, B, stride}),
      .gates_stride = stride,
  };
  const nb::gil_scoped_release let_go;
  pack_for_state(hh, panels, threads);
  run(work, isa, threads);
}

}  // namespace

void add_lstm(nb::module_& m) {
  m.def(
      "lstm_forward",
      [](const Array& x, const Array& weight_ih, const Array& weight_hh, const Array& bias,
         const OptionalArray& marks, const Array& h_before, const OptionalArray& gates,
         const OptionalArray& c, const Array& output, const Array& h_n, const Array& c_n, bool reverse, int threads,
         std::string_view isa) {
        const Isa set = chosen(isa);
        if (holds<Bf16>(x)) refuse_bf16(set);
        (holds<Bf16>(x) ? forward<Bf16> : forward<float>)(x, weight_ih, weight_hh, bias, marks,
                                                          h_before, gates, c, output, h_n, c_n,
                                                          reverse, threads, set);
      },
      nb::arg("x"), nb::arg("weight_ih"), nb::arg("weight_hh"), nb::arg("bias"),
      nb::arg("marks").none(), nb::arg("h_before"), nb::arg("gates").none(), nb::arg("c").none(),
      nb::arg("output"), nb::arg("h_n"), nb::arg("c_n"), nb::kw_only(), nb::arg("reverse"), nb::arg("threads"),
      nb::arg("isa"), "Run an LSTM over a sequence; see src/lstm.h for every array.");

  m.def(
      "lstm_backward",
      [](const Array& weight_hh, const Array& gates, const Array& c, const Array& c_0,
         const OptionalArray& marks, const Array& grad_output, const Array& grad_h,
         const Array& grad_c, const Array& grad_gates, bool reverse, int threads,
         std::string_view isa) {
        const Isa set = chosen(isa);
        if (holds<Bf16>(grad_output)) refuse_bf16(set);
        (holds<Bf16>(grad_output) ? backward<Bf16> : backward<float>)(
            weight_hh, gates, c, c_0, marks, grad_output, grad_h, grad_c, grad_gates, reverse,
            threads, set);
      },
      nb::arg("weight_hh"), nb::arg("gates"), nb::arg("c"), nb::arg("c_0"),
      nb::arg("marks").none(), nb::arg("grad_output"), nb::arg("grad_h"), nb::arg("grad_c"),
      nb::arg("grad_gates"), nb::kw_only(), nb::arg("reverse"), nb::arg("threads"), nb::arg("isa"),
      "The gradients of the gates and of the first state; see src/lstm.h for every array.");
}

}  // namespace suimon::binding
