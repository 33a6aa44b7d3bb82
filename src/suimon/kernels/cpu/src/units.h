// What sixteen units of one row compute at one step, forward and back, from the sums of their
// products, biases included: sum(n), in the order of sequence.h. The definitions are those of
// suimon/cells; n, r, z and m are a GRU's names there.
//
// Included only by files compiled once for each instruction set, see vectors.h.
#pragma once

#include "sequence.h"
#include "vectors.h"

namespace suimon {
namespace {

// `share` of the old value, the rest of the new one.
SUIMON_INLINE Floats blend(Floats share, Floats old_value, Floats new_value) {
  return share * old_value + (1.0f - share) * new_value;
}

struct ElmanUnits {
  static constexpr int kKept = 1;

  // h from the sum. A NaN is not below zero, and comes through.
  SUIMON_INLINE Floats step(const CellForm& cell, Floats sum) {
    return cell.relu ? (sum < 0.0f ? Floats{} : sum) : tanh(sum);
  }

  // The sum's gradient from that of h.
  SUIMON_INLINE Floats back(const CellForm& cell, Floats h, Floats grad_h) {
    if (cell.relu) return h <= 0.0f ? Floats{} : grad_h;
    return grad_h * (1.0f - h * h);
  }
};

// A block's peepholes: of the input, forget and output gate, `apart` from each other; none of them
// where `at` is null.
struct Peepholes {
  const float* at;
  std::int64_t apart;

  Floats of(int gate) const { return load(at + gate * apart); }
};

struct LstmUnits {
  static constexpr int kKept = 4;

  // c in place; `kept` becomes i f g o.
  SUIMON_INLINE void step(const CellForm& cell, const auto& sum, const Peepholes& sees, Floats& c,
                          Floats (&kept)[kKept]) {
    Floats to_i = sum(0), to_f{}, to_o = sum(cell.sums() - 1);
    if (cell.forget == Forget::own) to_f = sum(1);
    if (sees.at != nullptr) {
      to_i += sees.of(0) * c;
      to_f += sees.of(1) * c;
    }
    const Floats i = sigmoid(to_i);
    const Floats f = cell.forget == Forget::own       ? sigmoid(to_f)
                     : cell.forget == Forget::coupled ? 1.0f - i
                                                      : all(1.0f);
    const Floats g = tanh(sum(cell.sums() - 2));
    c = f * c + i * g;
    if (sees.at != nullptr) to_o += sees.of(2) * c;
    kept[0] = i, kept[1] = f, kept[2] = g, kept[3] = sigmoid(to_o);
  }

  struct Gradient {
    Floats i, f, g, o;  // of the sums; f only where the cell has one
    Floats c_old;
  };

  // From the gradient of h = o*read, and of the new c, by way of `read` included.
  SUIMON_INLINE Gradient back(const CellForm& cell, const float* kept, const Peepholes& sees,
                              Floats c_old, Floats read, Floats grad_h, Floats grad_c) {
    const Floats i = load(kept), f = load(kept + kLanes);
    const Floats g = load(kept + 2 * kLanes), o = load(kept + 3 * kLanes);
    Gradient grad;
    grad.o = grad_h * read * o * (1.0f - o);
    if (sees.at != nullptr) grad_c += grad.o * sees.of(2);
    const Floats of_i = cell.forget == Forget::coupled ? g - c_old : g;
    grad.i = grad_c * of_i * i * (1.0f - i);
    grad.f = grad_c * c_old * f * (1.0f - f);
    grad.g = grad_c * i * (1.0f - g * g);
    grad.c_old = grad_c * f;
    if (sees.at != nullptr) {
      grad.c_old += grad.i * sees.of(0);
      if (cell.forget == Forget::own) grad.c_old += grad.f * sees.of(1);
    }
    return grad;
  }
};

struct GruUnits {
  static constexpr int kKept = 4;

  // h; `kept` becomes r z n m. The sums are n r z m.
  SUIMON_INLINE Floats step(const CellForm& cell, const auto& sum, Floats h_old,
                            Floats (&kept)[kKept]) {
    const Floats r = sigmoid(sum(1));
    const Floats update = sigmoid(sum(2));
    const Floats m = sum(3);
    const Floats n = tanh(sum(0) + (cell.reset_after ? r * m : m));
    kept[0] = r, kept[1] = update, kept[2] = n, kept[3] = m;
    return (1.0f - update) * n + update * h_old;
  }

  struct Gradient {
    Floats n, r, z, m;  // of the sums
    Floats h_old;       // by way of the update gate alone
  };

  // Where the reset comes before the product, the gradient of r waits for that of r*h.
  SUIMON_INLINE Gradient back(const CellForm& cell, const float* kept, Floats h_old,
                              Floats grad_h) {
    const Floats r = load(kept), update = load(kept + kLanes);
    const Floats n = load(kept + 2 * kLanes), m = load(kept + 3 * kLanes);
    Gradient grad;
    grad.n = grad_h * (1.0f - update) * (1.0f - n * n);
    grad.r = cell.reset_after ? grad.n * m * r * (1.0f - r) : Floats{};
    grad.z = grad_h * (h_old - n) * update * (1.0f - update);
    grad.m = cell.reset_after ? grad.n * r : grad.n;
    grad.h_old = grad_h * update;
    return grad;
  }
};

}  // namespace
}  // namespace suimon
