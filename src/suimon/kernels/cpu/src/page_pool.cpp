#include "page_pool.h"

#include <deque>
#include <mutex>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace suimon {
namespace {

constexpr std::size_t kHugePage = std::size_t{1} << 21;

// Most that is kept while nobody uses it.
constexpr std::size_t kMostIdle = std::size_t{1} << 28;

struct Block {
  void* memory;
  std::size_t bytes;
};

std::align_val_t alignment_of(std::size_t bytes) {
  return std::align_val_t{bytes >= kHugePage ? kHugePage : 64};
}

void release(const Block& block) noexcept {
  operator delete(block.memory, alignment_of(block.bytes));
}

struct Idle {
  std::mutex mutex;
  std::deque<Block> blocks;  // the one given back last at the end
  std::size_t bytes = 0;     // of all
};

// Never destroyed: tensors may outlive every other object of the program.
Idle& idle() {
  static auto* const all = new Idle;
  return *all;
}

}  // namespace

void* take_pages(std::size_t bytes) {
  Idle& pool = idle();
  {
    const std::scoped_lock lock(pool.mutex);
    for (auto block = pool.blocks.rbegin(); block != pool.blocks.rend(); ++block) {
      if (block->bytes != bytes) continue;
      void* const memory = block->memory;
      pool.bytes -= bytes;
      pool.blocks.erase(std::next(block).base());
      return memory;
    }
  }
  void* const memory = operator new(bytes, alignment_of(bytes));
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (bytes >= kHugePage) madvise(memory, bytes, MADV_HUGEPAGE);
#endif
  return memory;
}

void give_pages_back(void* memory, std::size_t bytes) noexcept {
  Idle& pool = idle();
  const std::scoped_lock lock(pool.mutex);
  try {
    pool.blocks.push_back({memory, bytes});
  } catch (const std::bad_alloc&) {
    return release({memory, bytes});
  }
  pool.bytes += bytes;
  while (pool.bytes > kMostIdle) {
    pool.bytes -= pool.blocks.front().bytes;
    release(pool.blocks.front());
    pool.blocks.pop_front();
  }
}

}  // namespace suimon
