// The linear recurrence on every instruction set and several numbers of threads: bit for bit the
// loop of the definition, under the sanitisers that this is built with.
#include "linear_recurrence.h"
#include "memory.h"

int main() {
  using namespace suimon;
  using namespace suimon::tests;
  constexpr std::int64_t T = 70, N = 5003;
  Array<float> a(T * N), b(T * N), h_0(N), expected(T * N);
  fill(a, 0.5f), fill(b, 1.0f), fill(h_0, 1.0f);
  for (std::int64_t n = 0; n < T * N; ++n) {
    const float before = n < N ? h_0.data()[n] : expected.data()[n - N];
    const volatile float product = a.data()[n] * before;  // rounded by itself
    expected.data()[n] = product + b.data()[n];
  }
  for (const Isa isa : available_isas()) {
    for (const int threads : {1, 2, 5}) {
      Array<float> h(T * N);
      run(LinearRecurrence<float>{T, N, N, a.data(), b.data(), h_0.data(), nullptr, h.data()}, isa,
          threads);
      expect(apart(h, expected) == 0.0f, std::string("recurrence on ") + std::string(name_of(isa)));
    }
  }
  std::printf("linear recurrence: the definition\n");
}
