// Python's door to the native kernels: check every array, let go of the interpreter, run.
//
// suimon.kernels.cpu.operators is the only caller and has already told users what is
// wrong in their own terms; the checks here keep a mistake of ours from reading wild memory.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "src/isa.h"
#include "src/linear_recurrence.h"

namespace nb = nanobind;

namespace {

using Array = nb::ndarray<>;
using OptionalArray = std::optional<Array>;

template <typename Element>
constexpr const char* kExpectedType = "float32 like `a`";
template <>
constexpr const char* kExpectedType<double> = "float64 like `a`";
template <>
constexpr const char* kExpectedType<bool> = "bool";

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "(";
  for (const std::int64_t size : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + ")";
}

// The array's memory as Element*, once it is all that the kernel takes for granted.
template <typename Element>
Element* checked(std::string_view name, const Array& array, const std::vector<std::int64_t>& shape) {
  const std::string who(name);
  if (array.device_type() != nb::device::cpu::value) {
    throw std::invalid_argument(who + " is not on the CPU");
  }
  if (array.dtype() != nb::dtype<Element>()) {
    throw std::invalid_argument(who + " is not " + kExpectedType<Element>);
  }
  std::vector<std::int64_t> found;
  for (std::size_t axis = 0; axis < array.ndim(); ++axis) found.push_back(array.shape(axis));
  if (found != shape) {
    throw std::invalid_argument(who + " has shape " + shape_text(found) + ", expected " +
                                shape_text(shape));
  }
  std::int64_t stride = 1;
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    // An axis of one element never moves, and an empty array is never read.
    if (array.stride(axis) != stride && shape[axis] > 1 && array.size() > 0) {
      throw std::invalid_argument(who + " is not contiguous");
    }
    stride *= shape[axis];
  }
  return static_cast<Element*>(array.data());
}

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

const bool* checked_marks(const OptionalArray& restart, const Sizes& sizes) {
  return restart ? checked<bool>("`restart`", *restart, sizes.marks) : nullptr;
}

suimon::Isa chosen(std::string_view name) {
  if (const auto isa = suimon::find_isa(name)) return *isa;
  throw std::invalid_argument("instruction set '" + std::string(name) + "' cannot run here");
}

template <typename Real>
void forward(const Array& a, const Array& b, const Array& h_0, const Array& h,
             const OptionalArray& restart, int threads, suimon::Isa isa) {
  const Sizes sizes(a);
  const suimon::LinearRecurrence<Real> work{
      .steps = sizes.steps,
      .channels = sizes.channels,
      .units = sizes.units,
      .a = checked<Real>("`a`", a, sizes.sequence),
      .b = checked<Real>("`b`", b, sizes.sequence),
      .h_0 = checked<Real>("`h_0`", h_0, sizes.state),
      .restart = checked_marks(restart, sizes),
      .h = checked<Real>("`h`", h, sizes.sequence),
  };
  const nb::gil_scoped_release let_go;
  suimon::run(work, isa, threads);
}

template <typename Real>
void backward(const Array& a, const Array& h_0, const Array& h, const Array& grad_h,
              const Array& grad_a, const Array& grad_b, const Array& grad_h_0,
              const OptionalArray& restart, int threads, suimon::Isa isa) {
  const Sizes sizes(a);
  const suimon::LinearRecurrenceGradient<Real> work{
      .steps = sizes.steps,
      .channels = sizes.channels,
      .units = sizes.units,
      .a = checked<Real>("`a`", a, sizes.sequence),
      .h_0 = checked<Real>("`h_0`", h_0, sizes.state),
      .restart = checked_marks(restart, sizes),
      .h = checked<Real>("`h`", h, sizes.sequence),
      .grad_h = checked<Real>("`grad_h`", grad_h, sizes.sequence),
      .grad_a = checked<Real>("`grad_a`", grad_a, sizes.sequence),
      .grad_b = checked<Real>("`grad_b`", grad_b, sizes.sequence),
      .grad_h_0 = checked<Real>("`grad_h_0`", grad_h_0, sizes.state),
  };
  const nb::gil_scoped_release let_go;
  suimon::run(work, isa, threads);
}

bool is_double(const Array& a) { return a.dtype() == nb::dtype<double>(); }

}  // namespace

NB_MODULE(_native, m) {
  m.doc() = "suimon's native CPU kernels; see suimon/kernels/cpu/src for what each computes.";

  m.def(
      "instruction_sets",
      [] {
        std::vector<std::string> names;
        for (const suimon::Isa isa : suimon::available_isas()) names.emplace_back(name_of(isa));
        return names;
      },
      "Names of the instruction sets that this build and this machine have, best last.");

  m.def(
      "linear_recurrence_forward",
      [](const Array& a, const Array& b, const Array& h_0, const Array& h,
         const OptionalArray& restart, int threads, std::string_view isa) {
        (is_double(a) ? forward<double> : forward<float>)(a, b, h_0, h, restart, threads,
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
        (is_double(a) ? backward<double> : backward<float>)(
            a, h_0, h, grad_h, grad_a, grad_b, grad_h_0, restart, threads, chosen(isa));
      },
      nb::arg("a"), nb::arg("h_0"), nb::arg("h"), nb::arg("grad_h"), nb::arg("grad_a"),
      nb::arg("grad_b"), nb::arg("grad_h_0"), nb::arg("restart") = nb::none(), nb::kw_only(),
      nb::arg("threads"), nb::arg("isa"), "Write the three gradients; all contiguous, one dtype.");
}
