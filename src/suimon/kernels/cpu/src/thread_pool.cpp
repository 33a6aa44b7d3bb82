#include "thread_pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <type_traits>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(__unix__) || defined(__APPLE__)
#include <dlfcn.h>
#include <pthread.h>
#endif

namespace suimon {
namespace {

class ThreadPool {
 public:
  // Do the tasks with at most `helpers` threads beside the caller's. False, and nothing done,
  // where another caller is at it.
  bool run(int tasks, int helpers, const std::function<void(int)>& task) {
    const std::unique_lock only_caller(caller_, std::try_to_lock);
    if (!only_caller.owns_lock()) return false;
    hire(helpers);
    work(tasks, helpers, task);
    return true;
  }

  // Do `make(size)`, each of its `size` tasks on a thread of its own, `threads` of them at most.
  // False, and nothing done, where another caller is at it.
  bool run_apart(int threads,
                 const std::function<std::function<void(int)>(int)>& make) {
    const std::unique_lock only_caller(caller_, std::try_to_lock);
    if (!only_caller.owns_lock()) return false;
    hire(threads - 1);
    const int size = std::min(threads, hired_ + 1);
    work(size, size - 1, make(size));
    return true;
  }

 private:
  // The caller holds caller_, and `helpers` threads exist or fewer tasks will do.
  void work(int tasks, int helpers, const std::function<void(int)>& task) {
    std::unique_lock lock(mutex_);
    task_ = &task;
    next_ = 0;
    tasks_ = unfinished_ = tasks;
    places_ = helpers;
    for (int helper = 0; helper < helpers; ++helper) wake_.notify_one();
    work_off(lock);
    done_.wait(lock, [this] { return unfinished_ == 0; });
    // next_ == tasks_, so that a helper who wakes only now sleeps on
  }

  void hire(int helpers) {
    try {
      for (; hired_ < helpers; ++hired_) {
        std::thread([this] { wait_for_work(); }).detach();
      }
    } catch (const std::system_error&) {
      // The system gives no more threads: those that are there, at least the caller, do it all.
    }
  }

  [[noreturn]] void wait_for_work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return places_ > 0 && next_ < tasks_; });
      --places_;
      work_off(lock);
    }
  }

  // Take tasks until none is left. There are only a few for each thread, so a lock will do; it is
  // held on entry and on return, and let go while a task runs.
  void work_off(std::unique_lock<std::mutex>& lock) {
    while (next_ < tasks_) {
      const int mine = next_++;
      const auto* task = task_;
      lock.unlock();
      (*task)(mine);
      lock.lock();
      if (--unfinished_ == 0) done_.notify_one();
    }
  }

  std::mutex caller_;  // held for the whole of run(): one caller at a time
  int hired_ = 0;      // threads that exist; guarded by caller_

  std::mutex mutex_;  // guards all below
  std::condition_variable wake_;
  std::condition_variable done_;
  const std::function<void(int)>* task_ = nullptr;
  int next_ = 0;        // first task that nobody has taken
  int tasks_ = 0;       // tasks of the present run
  int unfinished_ = 0;  // tasks not yet done, taken or not
  int places_ = 0;      // helpers that may still join the present run
};

// Never destroyed: its threads may be waiting in it while the program ends.
std::atomic<ThreadPool*> shared_pool{nullptr};

ThreadPool& pool() {
  ThreadPool* present = shared_pool.load();
  if (present != nullptr) return *present;
  auto* fresh = new ThreadPool;
  if (shared_pool.compare_exchange_strong(present, fresh)) return *fresh;
  delete fresh;  // another thread was first; nobody has seen ours
  return *present;
}

std::atomic<bool> forked{false};

#if defined(__unix__) || defined(__APPLE__)
// fork() copies the pool but none of its threads, and its locks as they happened to stand. The
// child leaves that copy alone and makes a new one when it needs one.
const int registered = pthread_atfork(nullptr, nullptr, [] {
  shared_pool.store(nullptr);
  forked.store(true);
});
#endif

// The OpenMP runtime that is in the process already: the three of its functions that are needed.
// GOMP_parallel is what compilers make of `#pragma omp parallel`; its interface never changes.
struct OpenMp {
  void (*parallel)(void (*region)(void*), void* data, unsigned threads, unsigned flags);
  int (*rank)();
  int (*size)();
};

const OpenMp* openmp() {
#if defined(__linux__)
  static const OpenMp found = [] {
    OpenMp functions{};
    const auto find = [](auto& function, const char* name) {
      function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(RTLD_DEFAULT, name));
    };
    find(functions.parallel, "GOMP_parallel");
    find(functions.rank, "omp_get_thread_num");
    find(functions.size, "omp_get_num_threads");
    return functions;
  }();
  const bool complete = found.parallel != nullptr && found.rank != nullptr && found.size != nullptr;
  return complete && !forked.load() ? &found : nullptr;
#else
  return nullptr;
#endif
}

// Call member(rank, size) on each thread of an OpenMP region. False, and nothing done, where there
// is no runtime.
bool run_region(int threads, const std::function<void(int, int)>& member) {
  struct Call {
    const OpenMp* runtime;
    const std::function<void(int, int)>* member;
  };
  Call call{openmp(), &member};
  if (call.runtime == nullptr) return false;
  const auto region = [](void* data) {
    const auto* call = static_cast<const Call*>(data);
    (*call->member)(call->runtime->rank(), call->runtime->size());
  };
  call.runtime->parallel(region, &call, static_cast<unsigned>(threads), 0);
  return true;
}

// Looks at the barrier before a member sleeps: some microseconds.
constexpr int kSpins = 2000;

void rest_a_moment() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

}  // namespace

void Barrier::wait() {
  const unsigned round = round_.load();
  if (--missing_ == 0) {
    missing_ = members_;
    ++round_;
    round_.notify_all();
    return;
  }
  for (int spin = 0; spin < kSpins; ++spin) {
    if (round_.load() != round) return;
    rest_a_moment();
  }
  while (round_.load() == round) round_.wait(round);
}

void run_team(int threads, const std::function<void(int, int, Barrier&)>& member) {
  std::optional<Barrier> barrier;
  std::once_flag once;
  const auto join = [&](int rank, int size) {
    std::call_once(once, [&] { barrier.emplace(size); });
    member(rank, size, *barrier);
  };
  if (threads <= 1) return join(0, 1);
  if (run_region(threads, join)) return;
  const auto make = [&](int size) -> std::function<void(int)> {
    return [&join, size](int rank) { join(rank, size); };
  };
  if (!pool().run_apart(threads, make)) join(0, 1);
}

void run_in_parallel(int tasks, int threads, const std::function<void(int)>& task) {
  const int workers = std::min(tasks, threads);
  if (workers > 1) {
    std::atomic<int> next{0};
    const auto work_off = [&](int, int) {
      for (int mine = next++; mine < tasks; mine = next++) task(mine);
    };
    if (run_region(workers, work_off) || pool().run(tasks, workers - 1, task)) return;
  }
  for (int mine = 0; mine < tasks; ++mine) task(mine);
}

}  // namespace suimon
