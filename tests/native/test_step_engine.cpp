// The step engine in every precision, for one row and for many on several threads: a row's result is
// the same bits, under the sanitisers that this is built with.
#include <optional>

#include "memory.h"
#include "step_engine.h"

namespace suimon::tests {
namespace {

constexpr std::int64_t kTokens = 17, kUnits = 48, kSteps = 5, kRows = 70;
constexpr std::int64_t kSharedUnits = 208, kSharedSteps = 30;  // enough for two threads

PlainMatrix matrix(const Array<float>& values, std::int64_t rows, std::int64_t width) {
  return {values.data(), nullptr, rows, width};
}

void build(StepEngine& engine, CellKind kind, std::int64_t units) {
  generator().seed(3);
  const std::int64_t rows = gates_of(kind) * units;
  const bool recurs = kind != CellKind::mingru && kind != CellKind::minlstm;
  Array<float> embedding(kTokens * 20), first(rows * 20), second(rows * units), hh(rows * units),
      head(kTokens * units);
  for (Array<float>* array : {&embedding, &first, &second, &hh, &head}) fill(*array, 0.2f);
  const auto recurrent = recurs ? std::optional(matrix(hh, rows, units)) : std::nullopt;
  engine.set_embedding(matrix(embedding, kTokens, 20));
  engine.add_layer(kind, units, matrix(first, rows, 20), false, recurrent, nullptr, false);
  engine.add_layer(kind, units, matrix(second, rows, units), false, recurrent, nullptr, true);
  engine.add_linear(matrix(head, kTokens, units));
}

// Scores (rows, kTokens) after some steps, each row reading tokens of its own.
Array<float> scores_of(const StepEngine& engine, std::int64_t first, std::int64_t rows,
                       int threads, std::int64_t steps = kSteps) {
  const std::int64_t units = engine.network().layers[0].units;
  Array<float> h(2 * rows * units, 0.0f), c(2 * rows * units, 0.0f), scores(rows * kTokens);
  Array<std::int64_t> tokens(rows);
  float* hs[] = {h.data(), h.data() + rows * units};
  float* cs[] = {c.data(), c.data() + rows * units};
  for (std::int64_t step = 0; step < steps; ++step) {
    for (std::int64_t row = 0; row < rows; ++row) {
      tokens.data()[row] = (first + row + 5 * step) % kTokens;
    }
    StepRows work{};
    work.rows = work.row_end = rows;
    work.tokens = tokens.data();
    work.h = hs, work.c = cs;
    work.scores = scores.data();
    engine.step(work, threads);
  }
  return scores;
}

void check(CellKind kind, Precision precision, Isa isa) {
  StepEngine engine(precision, isa);
  build(engine, kind, kUnits);
  for (const int threads : {1, 2, 5}) {
    const Array<float> all = scores_of(engine, 0, kRows, threads);
    for (const std::int64_t row : {std::int64_t{0}, std::int64_t{33}, kRows - 1}) {
      const Array<float> alone = scores_of(engine, row, 1, 1);
      for (std::int64_t n = 0; n < kTokens; ++n) {
        expect(alone.data()[n] == all.data()[row * kTokens + n],
               "a row depends on its neighbours on " + std::string(name_of(isa)));
      }
    }
  }
}

// Two threads share the units of few rows, in those steps in which that is tried.
void check_shared(CellKind kind, Precision precision, Isa isa) {
  StepEngine engine(precision, isa);
  build(engine, kind, kSharedUnits);
  for (const std::int64_t rows : {std::int64_t{1}, std::int64_t{3}}) {
    const Array<float> alone = scores_of(engine, 0, rows, 1, kSharedSteps);
    const Array<float> shared = scores_of(engine, 0, rows, 2, kSharedSteps);
    for (std::int64_t n = 0; n < rows * kTokens; ++n) {
      expect(alone.data()[n] == shared.data()[n],
             "threads change a row on " + std::string(name_of(isa)));
    }
  }
}

}  // namespace
}  // namespace suimon::tests

int main() {
  using namespace suimon;
  for (const Isa isa : available_isas()) {
    for (const CellKind kind : {CellKind::lstm, CellKind::lstm_coupled, CellKind::lstm_ungated,
                                CellKind::gru, CellKind::gru_reset_before,
                                CellKind::elman_tanh, CellKind::elman_relu,
                                CellKind::mingru, CellKind::minlstm}) {
      tests::check(kind, Precision::fp32, isa);
      tests::check(kind, Precision::int8, isa);
      if (multiplies_bf16(isa)) tests::check(kind, Precision::bf16, isa);
    }
    for (const CellKind kind : {CellKind::lstm, CellKind::gru, CellKind::mingru}) {
      tests::check_shared(kind, Precision::fp32, isa);
      tests::check_shared(kind, Precision::int8, isa);
      if (multiplies_bf16(isa)) tests::check_shared(kind, Precision::bf16, isa);
    }
  }
  std::printf("step engine: a row's bits are its own\n");
}
