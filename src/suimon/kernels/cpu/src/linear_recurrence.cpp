// Sharing one recurrence among threads: which channels each gets, and on which instruction set.
#include "linear_recurrence.h"

#include <algorithm>

#include "thread_pool.h"

namespace suimon {
namespace {

// Elements (T * N) that keep one thread busy for longer than waking another one takes.
constexpr std::int64_t kElementsPerThread = 1 << 17;

// Channels that one pass through time handles, in bytes: the state row then stays in the first
// level of cache, while every array is still read in runs long enough for the prefetcher.
constexpr std::int64_t kBlockBytes = 1 << 14;

// Blocks start on whole cache lines, so that no two threads write into the same one.
constexpr std::int64_t kCacheLineBytes = 64;

std::int64_t divide_up(std::int64_t value, std::int64_t by) { return (value + by - 1) / by; }

template <typename Work>
void loop_on(Isa isa, const Work& work, std::int64_t begin, std::int64_t end) {
  switch (isa) {
#ifdef SUIMON_X86_64
    case Isa::amx:
    case Isa::avx512bf16:
    case Isa::avx512:
      return avx512::loop(work, begin, end);
    case Isa::avx2:
      return avx2::loop(work, begin, end);
#endif
    default:
      return baseline::loop(work, begin, end);
  }
}

template <typename Real, typename Work>
void share(const Work& work, Isa isa, int threads) {
  if (work.channels == 0) return;
  constexpr std::int64_t line = kCacheLineBytes / sizeof(Real);
  constexpr std::int64_t widest = kBlockBytes / sizeof(Real);
  const std::int64_t wanted = work.steps * work.channels / kElementsPerThread;
  const std::int64_t workers = std::clamp<std::int64_t>(wanted, 1, std::max(threads, 1));
  // As many blocks for each worker, so that all end together.
  const std::int64_t blocks = workers * divide_up(work.channels, workers * widest);
  const std::int64_t width = divide_up(divide_up(work.channels, blocks), line) * line;
  const auto run_block = [&](int block) {
    const std::int64_t begin = block * width;
    loop_on(isa, work, begin, std::min(begin + width, work.channels));
  };
  run_in_parallel(static_cast<int>(divide_up(work.channels, width)), static_cast<int>(workers),
                  run_block);
}

}  // namespace

template <typename Real>
void run(const LinearRecurrence<Real>& work, Isa isa, int threads) {
  share<Real>(work, isa, threads);
}

template <typename Real>
void run(const LinearRecurrenceGradient<Real>& work, Isa isa, int threads) {
  share<Real>(work, isa, threads);
}

template void run(const LinearRecurrence<float>&, Isa, int);
template void run(const LinearRecurrence<double>&, Isa, int);
template void run(const LinearRecurrenceGradient<float>&, Isa, int);
template void run(const LinearRecurrenceGradient<double>&, Isa, int);

}  // namespace suimon
