// The step engine for Python: check every array, let go of the interpreter, run.
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <array>

#include "arrays.h"
#include "src/sampling.h"
#include "src/step_engine.h"

namespace suimon::binding {
namespace {

std::int64_t axis(const Array& array, std::size_t index) {
  return index < array.ndim() ? static_cast<std::int64_t>(array.shape(index)) : -1;
}

Precision precision_of(std::string_view name, Isa isa) {
  if (name == "fp32") return Precision::fp32;
  if (name == "int8") return Precision::int8;
  if (name != "bf16") throw std::invalid_argument("no precision '" + std::string(name) + "'");
  if (!multiplies_bf16(isa)) {
    throw std::invalid_argument(std::string(name_of(isa)) + " has no products of bfloat16");
  }
  return Precision::bf16;
}

CellKind kind_of(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, CellKind>, 9> kinds{{
      {"lstm", CellKind::lstm},
      {"lstm_coupled", CellKind::lstm_coupled},
      {"lstm_ungated", CellKind::lstm_ungated},
      {"gru", CellKind::gru},
      {"gru_reset_before", CellKind::gru_reset_before},
      {"elman_tanh", CellKind::elman_tanh},
      {"elman_relu", CellKind::elman_relu},
      {"mingru", CellKind::mingru},
      {"minlstm", CellKind::minlstm},
  }};
  for (const auto& [known, kind] : kinds) {
    if (known == name) return kind;
  }
  throw std::invalid_argument("no cell '" + std::string(name) + "'");
}

PlainMatrix matrix_of(std::string_view name, const Array& values, const OptionalArray& bias,
                      std::int64_t rows) {
  const std::int64_t width = axis(values, 1);
  if (rows < 1 || width < 1) throw std::invalid_argument(std::string(name) + " is empty");
  return {checked<float>(name, values, {rows, width}), checked<float>("`bias`", bias, {rows}), rows,
          width};
}

void add_layer(StepEngine& engine, std::string_view cell, std::int64_t units, const Array& ih,
               const OptionalArray& ih_bias, bool is_table, const OptionalArray& hh,
               const OptionalArray& hh_bias, const OptionalArray& peephole, bool adds_input,
               const OptionalArray& projection) {
  const CellKind kind = kind_of(cell);
  const std::int64_t columns = gates_of(kind) * units;
  const bool first = engine.network().depth == 0;
  const bool recurs = kind != CellKind::mingru && kind != CellKind::minlstm;
  if (units < 1) throw std::invalid_argument("`units` is not positive");
  if (is_table && (!first || axis(ih, 1) != columns)) {
    throw std::invalid_argument("`ih` is no table of the first layer");
  }
  if (recurs != hh.has_value()) throw std::invalid_argument("`hh` does not fit the cell");
  if (!first && axis(ih, 1) != engine.network().outputs) {
    throw std::invalid_argument("`ih` does not read what the layer below gives");
  }
  const std::int64_t outputs = projection ? axis(*projection, 0) : units;
  if (projection && !is_lstm(kind)) throw std::invalid_argument("only an LSTM is projected");
  if (adds_input && (first || engine.network().outputs != outputs)) {
    throw std::invalid_argument("`adds_input` needs a layer below, as wide");
  }
  std::optional<PlainMatrix> recurrent;
  if (hh) {
    if (axis(*hh, 1) != outputs) throw std::invalid_argument("`hh` is not of these units");
    recurrent = matrix_of("`hh`", *hh, hh_bias, columns);
  }
  const PlainMatrix input = matrix_of("`ih`", ih, ih_bias, is_table ? axis(ih, 0) : columns);
  const float* peeps = checked<float>("`peephole`", peephole, {3, units});
  std::optional<PlainMatrix> projected;
  if (projection) {
    if (axis(*projection, 1) != units || outputs > units) {
      throw std::invalid_argument("`projection` is not of these units");
    }
    projected = matrix_of("`projection`", *projection, {}, outputs);
  }
  engine.add_layer(kind, units, input, is_table, recurrent, peeps, adds_input, projected);
}

// The state's fields as the engine takes them: a pointer for each layer.
struct Fields {
  Fields(const StepEngine& engine, const Array& h, const OptionalArray& c, std::int64_t rows) {
    const StepNetwork& network = engine.network();
    if (network.depth == 0) throw std::invalid_argument("the engine has no layers");
    for (std::int64_t n = 0; n < network.depth; ++n) {
      if (network.layers[n].units != network.layers[0].units ||
          network.layers[n].outputs != network.layers[0].outputs) {
        throw std::invalid_argument("layers differ in width");
      }
      if (is_lstm(network.layers[n].kind) && !c) throw std::invalid_argument("`c` is missing");
    }
    const std::int64_t units = network.layers[0].units;
    const std::int64_t outputs = network.layers[0].outputs;
    float* first_h = checked<float>("`h`", h, {network.depth, rows, outputs});
    float* first_c = checked<float>("`c`", c, {network.depth, rows, units});
    for (std::int64_t n = 0; n < network.depth; ++n) {
      h_.push_back(first_h + n * rows * outputs);
      c_.push_back(first_c == nullptr ? nullptr : first_c + n * rows * units);
    }
  }
  std::vector<float*> h_;
  std::vector<float*> c_;
};

StepRows rows_of(std::int64_t rows, const Fields& fields) {
  StepRows work{};
  work.rows = rows;
  work.h = fields.h_.data();
  work.c = fields.c_.data();
  return work;
}

// Several steps: `input` (T, B) tokens or (T, B, I) vectors, `scores` (T, B, V), or (1, B, V) for
// those of the last step alone.
void run(const StepEngine& engine, const Array& input, const Array& h, const OptionalArray& c,
         const Array& scores, int threads) {
  const StepNetwork& network = engine.network();
  const std::int64_t T = axis(input, 0), B = axis(input, 1), kept = axis(scores, 0);
  if (kept != T && kept != 1) throw std::invalid_argument("`scores` are not those of each step");
  const Fields fields(engine, h, c, B);
  StepRows work = rows_of(B, fields);
  float* to = checked<float>("`scores`", scores, {kept, B, network.outputs});
  const std::int64_t* tokens = nullptr;
  const float* x = nullptr;
  if (network.tokens > 0) {
    tokens = checked<std::int64_t>("`input`", input, {T, B});
    for (std::int64_t n = 0; n < T * B; ++n) {
      if (tokens[n] < 0 || tokens[n] >= network.tokens) {
        throw std::out_of_range("token " + std::to_string(tokens[n]) + " is none of " +
                                std::to_string(network.tokens));
      }
    }
  } else {
    x = checked<float>("`input`", input, {T, B, network.inputs});
  }
  const nb::gil_scoped_release let_go;
  for (std::int64_t t = 0; t < T; ++t) {
    work.tokens = tokens == nullptr ? nullptr : tokens + t * B;
    work.x = x == nullptr ? nullptr : x + t * B * network.inputs;
    work.scores = kept == T ? to + t * B * network.outputs : t + 1 == T ? to : nullptr;
    engine.step(work, threads);
  }
}

std::vector<std::int64_t> draw_rows(const float* scores, std::int64_t rows, std::int64_t width,
                                    const Sampling& sampling, const std::vector<double>& uniform) {
  if (static_cast<std::int64_t>(uniform.size()) != rows) {
    throw std::invalid_argument("`uniform` has not one number a row");
  }
  std::vector<std::int64_t> tokens;
  for (std::int64_t row = 0; row < rows; ++row) {
    tokens.push_back(draw_token(scores + row * width, width, sampling, uniform[row]));
  }
  return tokens;
}

// Draw a token in each row from `scores` (B, V), and read it: `scores` are then those after it.
std::vector<std::int64_t> write(const StepEngine& engine, const Array& scores, const Array& h,
                                const OptionalArray& c, const std::vector<double>& uniform,
                                const Sampling& sampling, int threads) {
  const StepNetwork& network = engine.network();
  const std::int64_t B = axis(scores, 0);
  if (network.tokens == 0 || network.outputs > network.tokens) {
    throw std::invalid_argument("the engine gives no scores of the tokens that it reads");
  }
  const Fields fields(engine, h, c, B);
  StepRows work = rows_of(B, fields);
  work.scores = checked<float>("`scores`", scores, {B, network.outputs});
  const nb::gil_scoped_release let_go;
  std::vector<std::int64_t> tokens = draw_rows(work.scores, B, network.outputs, sampling, uniform);
  work.tokens = tokens.data();
  engine.step(work, threads);
  return tokens;
}

}  // namespace

void add_step_engine(nb::module_& m) {
  nb::class_<StepEngine>(m, "StepEngine", "See src/step_engine.h for every array.")
      .def("__init__",
           [](StepEngine* memory, std::string_view precision, std::string_view isa) {
             const Isa set = chosen(isa);
             new (memory) StepEngine(precision_of(precision, set), set);
           },
           nb::arg("precision"), nb::arg("isa"))
      .def("set_embedding",
           [](StepEngine& engine, const Array& weight) {
             engine.set_embedding(matrix_of("`weight`", weight, {}, axis(weight, 0)));
           },
           nb::arg("weight"))
      .def("add_layer", add_layer, nb::arg("cell"), nb::arg("units"), nb::arg("ih"),
           nb::arg("ih_bias").none(), nb::arg("is_table"), nb::arg("hh").none(),
           nb::arg("hh_bias").none(), nb::arg("peephole").none(), nb::arg("adds_input"),
           nb::arg("projection").none())
      .def("add_linear",
           [](StepEngine& engine, const Array& weight, const OptionalArray& bias) {
             if (axis(weight, 1) != engine.network().outputs) {
               throw std::invalid_argument("`weight` does not read what comes before it");
             }
             engine.add_linear(matrix_of("`weight`", weight, bias, axis(weight, 0)));
           },
           nb::arg("weight"), nb::arg("bias").none())
      .def("run", run, nb::arg("input"), nb::arg("h"), nb::arg("c").none(), nb::arg("scores"),
           nb::arg("threads"))
      .def("write",
           [](const StepEngine& engine, const Array& scores, const Array& h, const OptionalArray& c,
              const std::vector<double>& uniform, double temperature, std::int64_t top_k,
              double top_p, std::int64_t never, int threads) {
             return write(engine, scores, h, c, uniform, {temperature, top_k, top_p, never},
                          threads);
           },
           nb::arg("scores"), nb::arg("h"), nb::arg("c").none(), nb::arg("uniform"),
           nb::kw_only(), nb::arg("temperature"), nb::arg("top_k"), nb::arg("top_p"),
           nb::arg("never"), nb::arg("threads"));
  m.def(
      "draw_tokens",
      [](const Array& scores, const std::vector<double>& uniform, double temperature,
         std::int64_t top_k, double top_p, std::int64_t never) {
        const std::int64_t B = axis(scores, 0), V = axis(scores, 1);
        if (V < 1) throw std::invalid_argument("`scores` hold no token");
        const float* rows = checked<float>("`scores`", scores, {B, V});
        return draw_rows(rows, B, V, {temperature, top_k, top_p, never}, uniform);
      },
      nb::arg("scores"), nb::arg("uniform"), nb::kw_only(), nb::arg("temperature"),
      nb::arg("top_k"), nb::arg("top_p"), nb::arg("never"), "One token a row, by src/sampling.h.");
}

}  // namespace suimon::binding
