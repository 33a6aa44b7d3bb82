#include "thread_pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

#if defined(__unix__) || defined(__APPLE__)
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
    std::unique_lock lock(mutex_);
    task_ = &task;
    next_ = 0;
    tasks_ = unfinished_ = tasks;
    places_ = helpers;
    for (int helper = 0; helper < helpers; ++helper) wake_.notify_one();
    work_off(lock);
    done_.wait(lock, [this] { return unfinished_ == 0; });
    return true;  // next_ == tasks_, so that a helper who wakes only now sleeps on
  }

 private:
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

#if defined(__unix__) || defined(__APPLE__)
// fork() copies the pool but none of its threads, and its locks as they happened to stand. The
// child leaves that copy alone and makes a new one when it needs one.
const int registered = pthread_atfork(nullptr, nullptr, [] { shared_pool.store(nullptr); });
#endif

}  // namespace

void run_in_parallel(int tasks, int threads, const std::function<void(int)>& task) {
  const int helpers = std::min(tasks, threads) - 1;
  if (helpers > 0 && pool().run(tasks, helpers, task)) return;
  for (int mine = 0; mine < tasks; ++mine) task(mine);
}

}  // namespace suimon
