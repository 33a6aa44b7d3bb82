// The linear recurrence for Python: check every array, let go of the interpreter, run.
#include "src/linear_recurrence.h"

#include <nanobind/stl/string_view.h>

#include "arrays.h"

namespace suimon::binding {
namespace {

struct Sizes {
  explicit Sizes(const Array& a) {
    if (a.ndim() != 3) throw std::invalid_argument("`a` must have 3 axes (T, B, H)");
    steps = static_cast<std::int64_t>(a.shape(0));
    const auto rows = static_cast<std::int64_t>(a.shape(1));
    units = static_cast<std::int64_t>(a.shape(2));
    sequence = {steps, rows, units};
    state = {rows, units};
    marks = {steps, rows};
    channels = rows * units;
  }
  std::int64_t steps;
  std::int64_t channels;
  std::int64_t units;
  std::vector<std::int64_t> sequence;  // (T, B, H)
  std::vector<std::int64_t> state;     // (B, H)
  std::vector<std::int64_t> marks;     // (T, B)
};

template <typename Real>
void forward(const Array& a, const Array& b, const Array& h_0, const Array& h,
             const OptionalArray& restart, int threads, Isa isa) {
  const Sizes sizes(a);
  const LinearRecurrence<Real> work{
      .steps = sizes.steps,
      .channels = sizes.channels,
      .units = sizes.units,
      .a = checked<Real>("`a`", a, sizes.sequence),
      .b = checked<Real>("`b`", b, sizes.sequence),
      .h_0 = checked<Real>("`h_0`", h_0, sizes.state),
      .restart = checked<bool>("`restart`", restart, sizes.marks),
      .h = checked<Real>("`h`", h, sizes.sequence),
  };
  const nb::gil_scoped_release let_go;
  run(work, isa, threads);
}

template <typename Real>
void backward(const Array& a, const Array& h_0, const Array& h, const Array& grad_h,
              const Array& grad_a, const Array& grad_b, const Array& grad_h_0,
              const OptionalArray& restart, int threads, Isa isa) {
  const Sizes sizes(a);
  const LinearRecurrenceGradient<Real> work{
      .steps = sizes.steps,
      .channels = sizes.channels,
      .units = sizes.units,
      .a = checked<Real>("`a`", a, sizes.sequence),
      .h_0 = checked<Real>("`h_0`", h_0, sizes.state),
      .restart = checked<bool>("`restart`", restart, sizes.marks),
      .h = checked<Real>("`h`", h, sizes.sequence),
      .grad_h = checked<Real>("`grad_h`", grad_h, sizes.sequence),
      .grad_a = checked<Real>("`grad_a`", grad_a, sizes.sequence),
      .grad_b = checked<Real>("`grad_b`", grad_b, sizes.sequence),
      .grad_h_0 = checked<Real>("`grad_h_0`", grad_h_0, sizes.state),
  };
  const nb::gil_scoped_release let_go;
  run(work, isa, threads);
}

}  // namespace

void add_linear_recurrence(nb::module_& m) {
  m.def(
      "linear_recurrence_forward",
      [](const Array& a, const Array& b, const Array& h_0, const Array& h,
         const OptionalArray& restart, int threads, std::string_view isa) {
        (holds<double>(a) ? forward<double> : forward<float>)(a, b, h_0, h, restart, threads,
                                                          chosen(isa));
      },
      nb::arg("a"), nb::arg("b"), nb::arg("h_0"), nb::arg("h"), nb::arg("restart") = nb::none(),
      nb::kw_only(), nb::arg("threads"), nb::arg("isa"),
      "Write h_t = a_t*h_{t-1} + b_t into h, h_{t-1} taken as zero where restart is true; all "
      "contiguous, one dtype.");

  m.def(
      "linear_recurrence_backward",
      [](const Array& a, const Array& h_0, const Array& h, const Array& grad_h,
         const Array& grad_a, const Array& grad_b, const Array& grad_h_0,
         const OptionalArray& restart, int threads, std::string_view isa) {
        (holds<double>(a) ? backward<double> : backward<float>)(
            a, h_0, h, grad_h, grad_a, grad_b, grad_h_0, restart, threads, chosen(isa));
      },
      nb::arg("a"), nb::arg("h_0"), nb::arg("h"), nb::arg("grad_h"), nb::arg("grad_a"),
      nb::arg("grad_b"), nb::arg("grad_h_0"), nb::arg("restart") = nb::none(), nb::kw_only(),
      nb::arg("threads"), nb::arg("isa"), "Write the three gradients; all contiguous, one dtype.");
}

}  // namespace suimon::binding
