// Packing a network's weights, sharing a step among threads, and choosing the instruction set.
#include "step_engine.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <tuple>
#include <utility>

#include "page_pool.h"
#include "thread_pool.h"

#ifdef SUIMON_BUILT_VNNI
#include <cpuid.h>
#endif

namespace suimon {
namespace {

// Multiplications of a step that keep one thread busy for longer than waking another one takes.
constexpr double kWorkPerThread = 4e6;

// Multiplications of a row from which on two threads may share it: less is done before they meet.
constexpr double kWorkToShare = 2.5e5;

// Rows that a thread must have for a row's share of reading the weights to be small.
constexpr std::int64_t kLeastRows = 8;

// Memory is taken in such pieces.
constexpr std::int64_t kLargePage = std::int64_t{1} << 21;

std::int64_t round_up(std::int64_t value, std::int64_t by) { return (value + by - 1) / by * by; }

// Neighbours in K that fill a line's column.
std::int64_t side_of(Precision precision) {
  return precision == Precision::fp32 ? 1 : precision == Precision::bf16 ? 2 : 4;
}

std::int64_t size_of(Precision precision) { return 4 / side_of(precision); }

// Where element (k, column) of a matrix stands among its lines.
std::int64_t place(const LineMatrix& matrix, std::int64_t side, std::int64_t k,
                   std::int64_t column) {
  const std::int64_t group = column / kLineColumns;
  const std::int64_t panel = group / kPanelGroups * kPanelGroups;
  const std::int64_t groups = std::min(kPanelGroups, matrix.groups - panel);
  const std::int64_t line = k / side * groups + group - panel;
  return panel * kLineColumns * matrix.depth + (line * kLineColumns + column % kLineColumns) * side +
         k % side;
}

// Rounded to the nearest, ties to even; a NaN stays one.
Bf16 to_bf16(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  bits += (bits >> 16 & 1u) + 0x7fffu;
  return value == value ? static_cast<Bf16>(bits >> 16) : Bf16{0x7fc0};
}

// One row of W, as a column of an int8 matrix; returns its scale and what its sums start from.
std::pair<float, std::int32_t> quantise(const LineMatrix& matrix, std::int64_t column,
                                        const float* row, std::int8_t* lines) {
  float largest = 0;
  for (std::int64_t k = 0; k < matrix.inputs; ++k) largest = std::max(largest, std::fabs(row[k]));
  const float scale = largest / 127.0f;
  std::int32_t sum = 0;
  for (std::int64_t k = 0; k < matrix.inputs; ++k) {
    const float ratio = scale > 0.0f ? row[k] / scale : 0.0f;
    const auto q = static_cast<std::int8_t>(std::clamp(std::nearbyint(ratio), -127.0f, 127.0f));
    lines[place(matrix, 4, k, column)] = q;
    sum += q;
  }
  return {scale, -128 * sum};
}

#ifdef SUIMON_BUILT_VNNI
bool has_bit(int leaf_bit, char output) {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  return ((output == 'c' ? c : d) >> leaf_bit & 1u) != 0;
}
#endif

void step_in(Isa isa, const StepNetwork& network, const StepRows& rows, const StepScratch& scratch,
             float tag) {
  switch (isa) {
#ifdef SUIMON_X86_64
    case Isa::amx:
    case Isa::avx512bf16:
    case Isa::avx512:
      return avx512::step(network, rows, scratch, tag);
    case Isa::avx2:
      return avx2::step(network, rows, scratch, tag);
#endif
    default:
      return baseline::step(network, rows, scratch, tag);
  }
}

void step_in([[maybe_unused]] Isa isa, [[maybe_unused]] const StepNetwork& network,
             [[maybe_unused]] const StepRows& rows, [[maybe_unused]] const StepScratch& scratch,
             [[maybe_unused]] Bf16 tag) {
#ifdef SUIMON_BUILT_BF16
  if (isa == Isa::amx) return amx::step(network, rows, scratch, tag);
  return avx512bf16::step(network, rows, scratch, tag);
#endif
}

// The products of bytes are an addition to AVX-512 that some of its processors have; the others
// take AVX2's.
void step_in(Isa isa, const StepNetwork& network, const StepRows& rows, const StepScratch& scratch,
             std::int8_t tag) {
#ifdef SUIMON_BUILT_VNNI
  static const bool has_vnni = has_bit(11, 'c');
  static const bool has_amx_int8 = has_bit(25, 'd');
#ifdef SUIMON_BUILT_BF16
  if (isa == Isa::amx && has_vnni && has_amx_int8) return amx::step(network, rows, scratch, tag);
#endif
  if (isa >= Isa::avx512 && has_vnni) return avx512vnni::step(network, rows, scratch, tag);
#endif
#ifdef SUIMON_X86_64
  if (isa >= Isa::avx2) return avx2::step(network, rows, scratch, tag);
#endif
  return baseline::step(network, rows, scratch, tag);
}

// A thread's working memory, kept for its next step: steps are short and many.
class ScratchMemory {
 public:
  StepScratch of(std::int64_t widest, std::int64_t row_bytes) {
    const std::int64_t x_stride = round_up(widest, kLineColumns);
    const std::int64_t sizes[] = {kStepRows * x_stride * 4, kStepRows * x_stride * 4,
                                  kStepRows * row_bytes,    kStepRows * row_bytes,
                                  kStepRows * row_bytes,
                                  3 * kStepRows * 4,        kStepRows * kWidestChunk * 4,
                                  kStepRows * kWidestChunk * 4};
    std::int64_t total = 64;
    for (const std::int64_t size : sizes) total += round_up(size, 64);
    if (total > static_cast<std::int64_t>(bytes_.size())) bytes_.resize(static_cast<std::size_t>(total));
    auto next = round_up(reinterpret_cast<std::intptr_t>(bytes_.data()), 64);
    const auto take = [&](int part) {
      void* memory = reinterpret_cast<void*>(next);
      next += round_up(sizes[part], 64);
      return memory;
    };
    StepScratch scratch{};
    scratch.x[0] = static_cast<float*>(take(0));
    scratch.x[1] = static_cast<float*>(take(1));
    scratch.activations = take(2);
    scratch.state = take(3);
    scratch.reset = take(4);
    scratch.row_scales = static_cast<float*>(take(5));
    scratch.z_x = static_cast<float*>(take(6));
    scratch.z_h = static_cast<float*>(take(7));
    scratch.x_stride = x_stride;
    scratch.row_bytes = row_bytes;
    return scratch;
  }

 private:
  std::vector<char> bytes_;
};

}  // namespace

// Weights stand in large pages where the system has them: they are all read at every step.
struct StepEngine::Pages {
  explicit Pages(std::int64_t size)
      : bytes(size), memory(static_cast<char*>(take_pages(static_cast<std::size_t>(size)))) {
    std::memset(memory, 0, static_cast<std::size_t>(size));
  }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  ~Pages() { give_pages_back(memory, static_cast<std::size_t>(bytes)); }
  const std::int64_t bytes;
  char* const memory;
  std::int64_t used = 0;
};

StepEngine::StepEngine(Precision precision, Isa isa) : precision_(precision), isa_(isa) {}
StepEngine::~StepEngine() = default;

// Zeros, at a multiple of 64 bytes.
void* StepEngine::fresh_bytes(std::int64_t bytes) {
  bytes = round_up(bytes, 64);
  if (pages_.empty() || pages_.back()->bytes - pages_.back()->used < bytes) {
    pages_.push_back(std::make_unique<Pages>(round_up(std::max(bytes, kLargePage), kLargePage)));
  }
  Pages& pages = *pages_.back();
  pages.used += bytes;
  return pages.memory + pages.used - bytes;
}

float* StepEngine::fresh_floats(std::int64_t count) {
  return static_cast<float*>(fresh_bytes(count * 4));
}

const float* StepEngine::kept_floats(std::int64_t count, const float* values) {
  float* kept = fresh_floats(count);
  std::memcpy(kept, values, static_cast<std::size_t>(count) * sizeof(float));
  return kept;
}

// The rows of W, those of `gates` gates one after the other, as columns in blocks of units.
LineMatrix StepEngine::packed(const PlainMatrix& matrix, std::int64_t gates) {
  const std::int64_t side = side_of(precision_), units = matrix.rows / gates;
  LineMatrix made;
  made.inputs = matrix.width;
  made.depth = round_up(matrix.width, kLinesPerTile * side);
  made.groups = blocks_of(units) * gates;
  const std::int64_t columns = made.groups * kLineColumns;
  void* lines = fresh_bytes(columns * made.depth * size_of(precision_));
  float* bias = fresh_floats(columns);
  float* scale = nullptr;
  std::int32_t* start = nullptr;
  if (precision_ == Precision::int8) {
    scale = fresh_floats(columns);
    start = static_cast<std::int32_t*>(fresh_bytes(columns * 4));
  }
  for (std::int64_t row = 0; row < matrix.rows; ++row) {
    const std::int64_t gate = row / units, unit = row % units;
    const std::int64_t column =
        (unit / kLineColumns * gates + gate) * kLineColumns + unit % kLineColumns;
    const float* values = matrix.values + row * matrix.width;
    if (matrix.bias != nullptr) bias[column] = matrix.bias[row];
    if (precision_ == Precision::int8) {
      auto* bytes = static_cast<std::int8_t*>(lines);
      std::tie(scale[column], start[column]) = quantise(made, column, values, bytes);
      continue;
    }
    for (std::int64_t k = 0; k < matrix.width; ++k) {
      const std::int64_t at = place(made, side, k, column);
      if (precision_ == Precision::fp32) static_cast<float*>(lines)[at] = values[k];
      else static_cast<Bf16*>(lines)[at] = to_bf16(values[k]);
    }
  }
  made.lines = lines;
  made.bias = bias;
  made.scale = scale;
  made.start = start;
  deepest_ = std::max(deepest_, made.depth);
  products_ += static_cast<double>(columns * made.depth);
  return made;
}

void StepEngine::set_embedding(const PlainMatrix& embedding) {
  network_.embedding = kept_floats(embedding.rows * embedding.width, embedding.values);
  network_.tokens = embedding.rows;
}

// Some gates of a table (V, G*H), in blocks of units.
const float* StepEngine::table_of(const PlainMatrix& table, std::int64_t units,
                                  std::int64_t first_gate, std::int64_t gates) {
  const std::int64_t blocks = blocks_of(units);
  float* made = fresh_floats(table.rows * blocks * gates * kLineColumns);
  for (std::int64_t token = 0; token < table.rows; ++token) {
    const float* values = table.values + token * table.width + first_gate * units;
    for (std::int64_t n = 0; n < gates * units; ++n) {
      const std::int64_t unit = n % units;
      const std::int64_t group = (token * blocks + unit / kLineColumns) * gates + n / units;
      made[group * kLineColumns + unit % kLineColumns] = values[n];
    }
  }
  return made;
}

// The products of a layer's gates from `first_gate` on, so many of `ih` and of `hh`.
StepProducts StepEngine::products_of(const PlainMatrix& ih, bool is_table,
                                     const std::optional<PlainMatrix>& hh, std::int64_t units,
                                     std::int64_t first_gate, std::int64_t gates,
                                     std::int64_t hh_gates) {
  const auto some = [&](const PlainMatrix& all, std::int64_t count) {
    const std::int64_t first = first_gate * units;
    return packed({all.values + first * all.width, all.bias == nullptr ? nullptr : all.bias + first,
                   count * units, all.width},
                  count);
  };
  StepProducts products{};
  if (is_table) products.table = table_of(ih, units, first_gate, gates);
  else products.ih = some(ih, gates);
  if (hh) products.hh = some(*hh, hh_gates);
  return products;
}

void StepEngine::add_layer(CellKind kind, std::int64_t units, const PlainMatrix& ih, bool is_table,
                           const std::optional<PlainMatrix>& hh, const float* peephole,
                           bool adds_input, const std::optional<PlainMatrix>& projection) {
  const std::int64_t gates = gates_of(kind), blocks = blocks_of(units);
  StepLayer layer{};
  layer.kind = kind, layer.units = units, layer.blocks = blocks;
  layer.adds_input = adds_input;
  layer.sums_before = network_.sums;
  if (kind == CellKind::gru_reset_before) {
    layer.reset = products_of(ih, is_table, hh, units, 0, 1, 1);
    layer.gates = products_of(ih, is_table, hh, units, 1, 2, 1);
    const float* bias = hh->bias == nullptr ? nullptr : hh->bias + 2 * units;
    layer.candidate = packed({hh->values + 2 * units * hh->width, bias, units, hh->width}, 1);
    network_.waits_within = true;
  } else {
    layer.gates = products_of(ih, is_table, hh, units, 0, gates, gates);
  }
  layer.outputs = projection ? projection->rows : units;
  if (projection) {
    layer.projection = packed(*projection, 1);
    network_.waits_within = true;
  }
  if (is_table) network_.tokens = ih.rows;
  else if (layers_.empty()) network_.inputs = ih.width;
  if (peephole != nullptr) {
    float* wide = fresh_floats(3 * blocks * kLineColumns);
    for (int gate = 0; gate < 3; ++gate) {
      std::memcpy(wide + gate * blocks * kLineColumns, peephole + gate * units,
                  static_cast<std::size_t>(units) * sizeof(float));
    }
    layer.peephole = wide;
  }
  layers_.push_back(layer);
  network_.sums += blocks * gates * kLineColumns;
  widest_ = std::max(widest_, blocks * kLineColumns);
  network_.layers = layers_.data();
  network_.depth = static_cast<std::int64_t>(layers_.size());
  network_.outputs = layer.outputs;
}

void StepEngine::add_linear(const PlainMatrix& linear) {
  // All but the last have their result between two products.
  if (!linears_.empty()) widest_ = std::max(widest_, linears_.back().groups * kLineColumns);
  linears_.push_back(packed(linear, 1));
  network_.linears = linears_.data();
  network_.linear_count = static_cast<std::int64_t>(linears_.size());
  network_.outputs = linear.rows;
}

// Many rows are shared out among threads that never meet. Few rows are read by two threads, each with
// half of every layer's units, where that turns out to be quicker.
void StepEngine::step(StepRows work, int threads) const {
  // What was read last is still in the cache where the weights as a whole do not fit: every other
  // step begins with it, the matrices of the states too, which wait for no layer below. No sum's
  // order changes.
  static thread_local bool backwards = false;
  work.backwards = backwards = !backwards;
  const double products = products_ * static_cast<double>(work.rows);
  const auto worth = static_cast<std::int64_t>(std::min(products / kWorkPerThread, 1e3));
  const std::int64_t most = std::min<std::int64_t>({worth, threads, work.rows / kLeastRows});
  const bool may_share =
      threads > 1 && products_ >= kWorkToShare && makes_sums_at_once(network_, work.rows);
  if (!may_share) return share_rows(work, static_cast<int>(std::max<std::int64_t>(1, most)));
  const auto begin = TeamTrial::Clock::now();
  const bool team = trial_.team_is_next(begin);
  team ? share_units(work) : share_rows(work, 1);
  trial_.took(team, begin, TeamTrial::Clock::now());
}

StepScratch StepEngine::scratch() const {
  static thread_local ScratchMemory memory;
  // A row's activations begin off a power of two from the next, which would fall on it in a cache.
  return memory.of(widest_, round_up(deepest_ * size_of(precision_), 64) + 64);
}

void StepEngine::share_rows(const StepRows& work, int threads) const {
  run_team(threads, [&](int member, int size, Barrier&) {
    StepRows mine = work;
    mine.row_begin = work.rows * member / size;
    mine.row_end = work.rows * (member + 1) / size;
    mine.member = 0, mine.members = 1;
    step_alone(mine, scratch());
  });
}

void StepEngine::share_units(const StepRows& work) const {
  const StepScratch first = scratch();
  run_team(2, [&](int member, int size, Barrier& meeting) {
    StepRows mine = work;
    mine.row_begin = 0, mine.row_end = work.rows;
    mine.member = member, mine.members = size;
    mine.meeting = &meeting;
    StepScratch own = scratch();
    own.x[0] = first.x[0], own.x[1] = first.x[1];  // each reads what all have made
    step_alone(mine, own);
  });
}

void StepEngine::step_alone(const StepRows& rows, const StepScratch& scratch) const {
  switch (precision_) {
    case Precision::fp32: return step_in(isa_, network_, rows, scratch, float{});
    case Precision::bf16: return step_in(isa_, network_, rows, scratch, Bf16{});
    case Precision::int8: return step_in(isa_, network_, rows, scratch, std::int8_t{});
  }
}

}  // namespace suimon
