// Sharing a sequence among threads, and choosing the instruction set.
#include "sequence.h"

#include <algorithm>

#include "thread_pool.h"

namespace suimon {
namespace {

// Multiplications of all steps that keep one thread busy for longer than waking another one takes.
constexpr double kWorkPerThread = 4e6;

std::int64_t divide_up(std::int64_t value, std::int64_t by) { return (value + by - 1) / by; }

// Rows that a thread must have for a row's share of reading the weights to be small. Where there are
// so many for all threads, each reads all weights and does its own rows, and none waits for another;
// else each does some of the units of all rows, and they meet at every step. Weights that a cache
// does not keep want twice the six rows that are multiplied at once. In bfloat16 a matrix register
// has 16 rows and takes as long for fewer: with more than half of them for each of two threads, they
// fill two registers whoever does them.
template <typename Element>
std::int64_t least_rows(const SequenceShape& shape, const CellForm& cell) {
  if (sizeof(Element) < sizeof(float)) return 9;
  const std::int64_t weights = cell.gates() * shape.units * shape.hidden;
  return weights * static_cast<std::int64_t>(sizeof(Element)) > kTooLargeToStay ? 12 : 8;
}

void loop_on(Isa isa, const auto& work, const SequenceShare& share, const float*) {
  switch (isa) {
#ifdef SUIMON_X86_64
    case Isa::amx:
    case Isa::avx512bf16:
    case Isa::avx512:
      return avx512::loop(work, share);
    case Isa::avx2:
      return avx2::loop(work, share);
#endif
    default:
      return baseline::loop(work, share);
  }
}

void loop_on([[maybe_unused]] Isa isa, [[maybe_unused]] const auto& work,
             [[maybe_unused]] const SequenceShare& share, const Bf16*) {
#ifdef SUIMON_BUILT_BF16
  if (isa == Isa::amx) return amx::loop(work, share);
  return avx512bf16::loop(work, share);
#endif
}

template <typename Element>
void share_out(const auto& work, Isa isa, int threads) {
  const SequenceShape& shape = work.shape;
  const std::int64_t blocks = shape.units / kUnitsPerBlock;
  const std::int64_t panels = divide_up(blocks, kBlocksPerPanel);
  const std::int64_t of_h = shape.output / kUnitsPerBlock;
  const std::int64_t panels_of_h = divide_up(of_h, kBlocksPerPanel);
  // Back, a member must do the same blocks in both halves of a step. Else it may do any number of
  // them, so that all have as much to do.
  constexpr bool back = requires { work.grad_sums; };
  const bool in_panels = back || work.phases.any() || work.cell.blocks_in_tile() > 1;
  const double products = static_cast<double>(work.cell.gates()) *
                          static_cast<double>(shape.steps * shape.rows * shape.units) *
                          static_cast<double>(shape.inputs + shape.hidden);
  const auto wanted = static_cast<std::int64_t>(std::min(products / kWorkPerThread, 1e6));
  const std::int64_t most = std::clamp<std::int64_t>(wanted, 1, std::max(threads, 1));
  const std::int64_t by_rows_most = shape.rows / least_rows<Element>(shape, work.cell);
  const bool by_rows = by_rows_most >= std::min(most, panels);
  const std::int64_t pieces = by_rows ? by_rows_most : panels;
  const int members = static_cast<int>(std::max<std::int64_t>(1, std::min(most, pieces)));
  run_team(members, [&](int member, int size, Barrier& barrier) {
    SequenceShare mine{member, 0, shape.rows, 0, blocks, 0, of_h, nullptr};
    if (by_rows) {
      mine.row_begin = shape.rows * member / size;
      mine.row_end = shape.rows * (member + 1) / size;
    } else if (size > 1) {
      const std::int64_t together = in_panels ? kBlocksPerPanel : 1;
      const std::int64_t parts = divide_up(blocks, together);
      mine.block_begin = parts * member / size * together;
      mine.block_end = std::min(blocks, parts * (member + 1) / size * together);
      mine.output_begin = panels_of_h * member / size * kBlocksPerPanel;
      mine.output_end = std::min(of_h, panels_of_h * (member + 1) / size * kBlocksPerPanel);
      mine.meeting = &barrier;
    }
    loop_on(isa, work, mine, static_cast<const Element*>(nullptr));
  });
}

}  // namespace

template <typename Element>
void run(const SequenceForward<Element>& work, Isa isa, int threads) {
  share_out<Element>(work, isa, threads);
}

template <typename Element>
void run(const SequenceBackward<Element>& work, Isa isa, int threads) {
  share_out<Element>(work, isa, threads);
}

template void run(const SequenceForward<float>&, Isa, int);
template void run(const SequenceForward<Bf16>&, Isa, int);
template void run(const SequenceBackward<float>&, Isa, int);
template void run(const SequenceBackward<Bf16>&, Isa, int);

}  // namespace suimon
