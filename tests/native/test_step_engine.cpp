// The step engine in every precision, for one row and for many on several threads: a row's result is
// the same bits, under the sanitisers that this is built with.
#include <optional>

#include "memory.h"
#include "step_engine.h"

namespace suimon::tests {
namespace {

constexpr std::int64_t kTokens = 17, kUnits = 48, kSteps = 5, kRows = 70;

PlainMatrix matrix(const Array<float>& values, std::int64_t rows, std::int64_t width) {
  return {values.data(), nullptr, rows, width};
}

void build(StepEngine& engine, CellKind kind) {
  generator().seed(3);
  const std::int64_t rows = gates_of(kind) * kUnits;
  const bool recurs = kind != CellKind::mingru && kind != CellKind::minlstm;
  Array<float> embedding(kTokens * 20), first(rows * 20), second(rows * kUnits), hh(rows * kUnits),
      head(kTokens * kUnits);
  for (Array<float>* array : {&embedding, &first, &second, &hh, &head}) fill(*array, 0.2f);
  const auto recurrent = recurs ? std::optional(matrix(hh, rows, kUnits)) : std::nullopt;
  engine.set_embedding(matrix(embedding, kTokens, 20));
  engine.add_layer(kind, kUnits, matrix(first, rows, 20), false, recurrent, nullptr, false);
  engine.add_layer(kind, kUnits, matrix(second, rows, kUnits), false, recurrent, nullptr, true);
  engine.add_linear(matrix(head, kTokens, kUnits));
}

// Scores (rows, kTokens) after some steps, each row reading tokens of its own.
Array<float> scores_of(const StepEngine& engine, std::int64_t first, std::int64_t rows,
                       int threads) {
  Array<float> h(2 * rows * kUnits, 0.0f), c(2 * rows * kUnits, 0.0f), scores(rows * kTokens);
  Array<std::int64_t> tokens(rows);
  float* hs[] = {h.data(), h.data() + rows * kUnits};
  float* cs[] = {c.data(), c.data() + rows * kUnits};
  for (std::int64_t step = 0; step < kSteps; ++step) {
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
  build(engine, kind);
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

}  // namespace
}  // namespace suimon::tests

int main() {
  using namespace suimon;
  for (const Isa isa : available_isas()) {
    for (const CellKind kind : {CellKind::lstm, CellKind::lstm_coupled, CellKind::lstm_ungated,
                                CellKind::gru, CellKind::elman_tanh, CellKind::elman_relu,
                                CellKind::mingru, CellKind::minlstm}) {
      tests::check(kind, Precision::fp32, isa);
      tests::check(kind, Precision::int8, isa);
      if (multiplies_bf16(isa)) tests::check(kind, Precision::bf16, isa);
    }
  }
  std::printf("step engine: a row's bits are its own\n");
}
