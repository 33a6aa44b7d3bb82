// Arrays as Python hands them over, and the checks between them and a kernel's raw pointers.
//
// The callers in Python have already told users what is wrong in their own terms; the checks here
// keep a mistake of ours from reading wild memory.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "src/isa.h"
#include "src/panels.h"

namespace suimon::binding {

namespace nb = nanobind;

using Array = nb::ndarray<>;
using OptionalArray = std::optional<Array>;
using ArrayShape = std::vector<std::int64_t>;

// An element as DLPack describes it, and its name in torch.
template <typename Element>
struct ElementType {
  static nb::dlpack::dtype code() { return nb::dtype<Element>(); }
};
template <>
struct ElementType<Bf16> {
  static nb::dlpack::dtype code() {
    return {static_cast<std::uint8_t>(nb::dlpack::dtype_code::Bfloat), 16, 1};
  }
};
template <typename Element>
constexpr const char* kTypeName = "float32";
template <>
inline constexpr const char* kTypeName<double> = "float64";
template <>
inline constexpr const char* kTypeName<bool> = "bool";
template <>
inline constexpr const char* kTypeName<std::uint8_t> = "uint8";
template <>
inline constexpr const char* kTypeName<std::int64_t> = "int64";
template <>
inline constexpr const char* kTypeName<Bf16> = "bfloat16";

inline std::string shape_text(const ArrayShape& shape) {
  std::string text = "(";
  for (const std::int64_t size : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + ")";
}

inline ArrayShape shape_of(const Array& array) {
  ArrayShape shape;
  for (std::size_t axis = 0; axis < array.ndim(); ++axis) shape.push_back(array.shape(axis));
  return shape;
}

// The array's memory as Element*, once it is all that the kernel takes for granted.
template <typename Element>
Element* checked(std::string_view name, const Array& array, const ArrayShape& shape) {
  const std::string who(name);
  if (array.device_type() != nb::device::cpu::value) {
    throw std::invalid_argument(who + " is not on the CPU");
  }
  if (array.dtype() != ElementType<Element>::code()) {
    throw std::invalid_argument(who + " is not " + kTypeName<Element>);
  }
  const ArrayShape found = shape_of(array);
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

// The same of an array that may be left out; null where it is.
template <typename Element>
Element* checked(std::string_view name, const OptionalArray& array, const ArrayShape& shape) {
  return array ? checked<Element>(name, *array, shape) : nullptr;
}

template <typename Element>
bool holds(const Array& array) {
  return array.dtype() == ElementType<Element>::code();
}

inline Isa chosen(std::string_view name) {
  if (const auto isa = find_isa(name)) return *isa;
  throw std::invalid_argument("instruction set '" + std::string(name) + "' cannot run here");
}

// One for each family of kernels.
void add_linear_recurrence(nb::module_& m);
void add_sequence(nb::module_& m);
void add_pages(nb::module_& m);
void add_step_engine(nb::module_& m);

}  // namespace suimon::binding
