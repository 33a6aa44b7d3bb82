// Every cell of the sequence kernel, forward and back, on every instruction set and several numbers
// of threads: the same result, with no thread racing another and no access out of bounds, which the
// sanitisers that this is built with watch. What is right, the tests in Python prove.
#include <vector>

#include "memory.h"
#include "panels.h"
#include "sequence.h"

namespace suimon::tests {
namespace {

struct Case {
  const char* name;
  CellForm cell;
  bool norm = false;
  bool projected = false;
};

const Case kCases[] = {
    {"elman", {.kind = Kind::elman}},
    {"elman, norm", {.kind = Kind::elman}, true},
    {"lstm", {.kind = Kind::lstm}},
    {"lstm, no forget gate", {.kind = Kind::lstm, .forget = Forget::none}},
    {"lstm, norms", {.kind = Kind::lstm}, true},
    {"lstm, projected", {.kind = Kind::lstm}, false, true},
    {"lstm, norms, projected", {.kind = Kind::lstm}, true, true},
    {"gru", {.kind = Kind::gru}},
    {"gru, reset first", {.kind = Kind::gru, .reset_after = false}},
    {"gru, reset first, norms", {.kind = Kind::gru, .reset_after = false}, true},
};

struct Sizes {
  std::int64_t T, B, U, X, P;
};

// What both passes read and write of one norm.
struct NormArrays {
  NormArrays(std::int64_t steps_and_rows, std::int64_t gates, std::int64_t sums, std::int64_t units,
             int threads)
      : gain(gates * units), normed(steps_and_rows * gates * units), rate(steps_and_rows * 2),
        grad_gain(threads * gates * units), grad_product(steps_and_rows * sums * units) {}

  Norm<float> arrays() {
    return {gain.data(), normed.data(), rate.data(), grad_gain.data(), grad_product.data()};
  }

  Array<float> gain, normed, rate, grad_gain, grad_product;
};

// One problem: all that both passes read and write.
class Problem {
 public:
  Problem(const Case& which, const Sizes& sizes, int threads)
      : which_(which), T(sizes.T), B(sizes.B), U(sizes.U), X(sizes.X),
        P(which.projected ? sizes.P : sizes.U), G(which.cell.gates()), Z(which.cell.sums()),
        K(which.cell.kept()), blocks(U / 16), threads_(threads), x(T * B * X),
        w_ih(G * U * X), w_hh(G * U * P), w_hr(P * U), panels_ih(G * U * X), panels_hh(G * U * P),
        panels_hn(U * U), panels_hr(P * U), back(G * U * P), back_hn(U * U), back_hr(P * U),
        bias(Z * U), peephole(3 * U), c_gain(U), c_bias(U), mask(B * P),
        keep(T * B * P), marks(T * B), h_before(T * B * P), gates(T * U * B * K), carry(T * U * B),
        carry_0(U * B), output(T * B * P), h_n(P * B), c_n(U * B), of_h(T * B, G, Z, U, threads),
        of_x(T * B, G, Z, U, threads), c_rate(T * B * 2), unprojected(T * B * U), reset_h(T * B * U),
        sums(blocks * B * 64), sums_x(blocks * B * 64), settled(blocks * B * 64), grad_output(T * B * P),
        grad_h((P + 63) / 64 * B * 64), grad_c(U * B), grad_sums(T * B * Z * U),
        grad_bias(threads * Z * U), grad_peephole(threads * 3 * U),
        grad_c_norm(threads * 2 * U), grad_projected(T * B * P), units((U + 63) / 64 * B * 64),
        reads(3 * U * B) {
    generator().seed(7);
    const float scale = 0.5f / std::sqrt(static_cast<float>(U));
    for (Array<float>* array : {&x, &bias, &of_h.gain, &of_x.gain, &c_gain, &c_bias, &h_n, &c_n,
                                &grad_output, &grad_h, &grad_c, &peephole}) {
      fill(*array, 0.5f);
    }
    for (Array<float>* array : {&w_ih, &w_hh, &w_hr}) fill(*array, scale);
    for (std::int64_t n = 0; n < mask.size(); ++n) mask.data()[n] = n % 3 == 0 ? 0.0f : 1.5f;
    for (std::int64_t n = 0; n < keep.size(); ++n) keep.data()[n] = n % 5 == 0 ? 1.0f : 0.0f;
    for (std::int64_t n = 0; n < marks.size(); ++n) {
      marks.data()[n] = n % 11 == 0 ? kRestart : n % 7 == 0 ? kSkip : 0;
    }
    const std::int64_t begin = 0;  // the first step's factor
    for (std::int64_t n = 0; n < B * P; ++n) h_before.data()[begin + n] = 0.1f;
    const Array<float>& carried = which.cell.kind == Kind::lstm ? c_n : h_n;
    for (std::int64_t n = 0; n < carry_0.size(); ++n) carry_0.data()[n] = carried.data()[n];
    pack();
  }

  void forward(Isa isa) {
    SequenceForward<float> work{
        .shape = shape(),
        .cell = which_.cell,
        .x = x.data(),
        .panels_ih = panels_ih.data(),
        .panels_hh = panels_hh.data(),
        .bias = bias.data(),
        .peephole = lstm() ? peephole.data() : nullptr,
        .marks = marks.data(),
        .mask = mask.data(),
        .keep_h = {keep.data(), B * P, P},
        .keep_c = {nullptr, 0, 0},
        .h_before = h_before.data(),
        .gates = gates.data(),
        .carry = elman() ? nullptr : carry.data(),
        .output = output.data(),
        .h_n = h_n.data(),
        .c_n = lstm() ? c_n.data() : nullptr,
        .phases = phases(),
    };
    work.phases.panels_hr = which_.projected ? panels_hr.data() : nullptr;
    work.phases.panels_hn = reset_first() ? panels_hn.data() : nullptr;
    run(work, isa, threads_);
  }

  void backward(Isa isa) {
    SequenceBackward<float> work{
        .shape = shape(),
        .cell = which_.cell,
        .panels_back = back.data(),
        .peephole = lstm() ? peephole.data() : nullptr,
        .gates = gates.data(),
        .carry = elman() ? nullptr : carry.data(),
        .carry_0 = elman() ? nullptr : carry_0.data(),
        .marks = marks.data(),
        .mask = mask.data(),
        .keep_h = {keep.data(), B * P, P},
        .keep_c = {nullptr, 0, 0},
        .h_before = h_before.data(),
        .grad_output = grad_output.data(),
        .grad_h = grad_h.data(),
        .grad_c = lstm() ? grad_c.data() : nullptr,
        .grad_sums = grad_sums.data(),
        .sums_stride = Z * U,
        .grad_bias = grad_bias.data(),
        .grad_peephole = lstm() ? grad_peephole.data() : nullptr,
        .phases = phases(),
    };
    work.phases.panels_hr = which_.projected ? back_hr.data() : nullptr;
    work.phases.panels_hn = reset_first() ? back_hn.data() : nullptr;
    run(work, isa, threads_);
  }

  // What both passes give.
  std::vector<const Array<float>*> results() const { return {&output, &h_n, &grad_sums, &grad_h}; }

 private:
  bool lstm() const { return which_.cell.kind == Kind::lstm; }
  bool elman() const { return which_.cell.kind == Kind::elman; }
  bool reset_first() const { return which_.cell.gates_from_h() != G; }
  SequenceShape shape() const { return {T, B, U, X, P, P, U, false}; }

  Phases<float> phases() {
    Phases<float> found{};
    if (which_.norm) {
      found.of_h = of_h.arrays();
      if (!elman()) found.of_x = of_x.arrays();
      if (lstm()) {
        found.c_gain = c_gain.data();
        found.c_bias = c_bias.data();
        found.c_rate = c_rate.data();
        found.grad_c_norm = grad_c_norm.data();
        found.reads = reads.data();
      }
    }
    found.unprojected = unprojected.data();
    found.grad_projected = grad_projected.data();
    found.reset_h = reset_h.data();
    found.sums = sums.data();
    found.sums_x = sums_x.data();
    found.settled = which_.norm ? settled.data() : sums.data();
    found.units = units.data();
    return found;
  }

  void pack() {
    const GateMatrix ih{w_ih.data(), G, U, X};
    const GateMatrix hh{w_hh.data(), which_.cell.gates_from_h(), U, P};
    const GateMatrix hr{w_hr.data(), 1, P, U};
    const std::int64_t together = which_.cell.blocks_in_tile();
    pack_for_gates(ih, together, U, X, panels_ih.data(), threads_);
    pack_for_gates(hh, together, U, P, panels_hh.data(), threads_);
    pack_for_state(hh, U, P, back.data(), threads_);
    pack_for_gates(hr, kBlocksPerPanel, P, U, panels_hr.data(), threads_);
    pack_for_state(hr, P, U, back_hr.data(), threads_);
    if (reset_first()) {
      const GateMatrix hn{w_hh.data() + 2 * U * P, 1, U, P};
      pack_for_gates(hn, kBlocksPerPanel, U, P, panels_hn.data(), threads_);
      pack_for_state(hn, U, P, back_hn.data(), threads_);
    }
  }

  const Case which_;
  const std::int64_t T, B, U, X, P, G, Z, K, blocks;
  const int threads_;

 public:
  Array<float> x, w_ih, w_hh, w_hr, panels_ih, panels_hh, panels_hn, panels_hr, back,
      back_hn, back_hr, bias, peephole, c_gain, c_bias, mask, keep;
  Array<std::uint8_t> marks;
  Array<float> h_before, gates, carry, carry_0, output, h_n, c_n;
  NormArrays of_h, of_x;
  Array<float> c_rate, unprojected, reset_h, sums, sums_x, settled, grad_output, grad_h, grad_c,
      grad_sums, grad_bias, grad_peephole, grad_c_norm, grad_projected, units, reads;
};

// Sums in another order differ by their rounding, which some steps multiply.
constexpr float kApart = 2e-3f;

void check(const Case& which, const Sizes& sizes) {
  Problem alone(which, sizes, 1);
  alone.forward(Isa::baseline);
  alone.backward(Isa::baseline);
  for (const Isa isa : available_isas()) {
    for (const int threads : {1, 2, 5}) {
      Problem shared(which, sizes, threads);
      shared.forward(isa);
      shared.backward(isa);
      const auto ours = shared.results(), expected = alone.results();
      for (std::size_t n = 0; n < ours.size(); ++n) {
        const float difference = apart(*ours[n], *expected[n]);
        expect(difference <= kApart, std::string(which.name) + " on " + std::string(name_of(isa)) +
                                         ", " + std::to_string(threads) + " threads: result " +
                                         std::to_string(n) + " is off by " +
                                         std::to_string(difference));
      }
    }
  }
}

}  // namespace
}  // namespace suimon::tests

int main() {
  using namespace suimon::tests;
  // Shared out by rows, and by units, which then meet after each phase.
  for (const Case& which : kCases) {
    check(which, {40, 40, 64, 24, 32});
    check(which, {40, 6, 320, 24, 144});
    std::printf("%s: as one thread has it\n", which.name);
  }
}
