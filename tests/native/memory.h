// What the native tests share: arrays that end where they end, random numbers, and how to fail.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <random>
#include <string>

namespace suimon::tests {

// Memory of exactly so many elements, at a multiple of 64 bytes, so that a sanitiser sees the first
// element beyond it.
template <typename Element>
class Array {
 public:
  explicit Array(std::int64_t size, Element value = Element{})
      : size_(size), data_(new (std::align_val_t{64}) Element[static_cast<std::size_t>(size)]) {
    for (std::int64_t n = 0; n < size; ++n) data_[n] = value;
  }
  Array(const Array& other) : Array(other.size_) {
    for (std::int64_t n = 0; n < size_; ++n) data_[n] = other.data_[n];
  }
  Array& operator=(const Array&) = delete;
  ~Array() { operator delete[](data_, std::align_val_t{64}); }

  Element* data() const { return data_; }
  std::int64_t size() const { return size_; }

 private:
  std::int64_t size_;
  Element* data_;
};

inline std::mt19937& generator() {
  static std::mt19937 numbers(1);
  return numbers;
}

inline void fill(Array<float>& array, float scale) {
  std::normal_distribution<float> draw(0.0f, scale);
  for (std::int64_t n = 0; n < array.size(); ++n) array.data()[n] = draw(generator());
}

inline void expect(bool right, const std::string& what) {
  if (right) return;
  std::fprintf(stderr, "FAILED: %s\n", what.c_str());
  std::exit(1);
}

// The largest difference of two arrays; a NaN in one alone counts as infinite.
inline float apart(const Array<float>& one, const Array<float>& other) {
  float most = 0.0f;
  for (std::int64_t n = 0; n < one.size(); ++n) {
    const float a = one.data()[n], b = other.data()[n];
    if (std::isnan(a) != std::isnan(b)) return INFINITY;
    if (!std::isnan(a)) most = std::fmax(most, std::fabs(a - b));
  }
  return most;
}

}  // namespace suimon::tests
