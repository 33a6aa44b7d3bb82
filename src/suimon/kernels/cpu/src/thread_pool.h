// Threads for kernels: those of torch where that is possible, else a few of our own.
//
// torch's operators run on the threads of an OpenMP runtime, which after each of them go on looking
// for work for some milliseconds. Threads of ours would have to share the processor with those that
// look. So where the process has the runtime that torch's Linux builds bring (libgomp), kernels run
// as its parallel regions, on the same threads. Elsewhere, and in the child of a fork(), which has
// none of its parent's threads, they run on a pool of ours, whose waiting threads sleep.
#pragma once

#include <atomic>
#include <functional>

namespace suimon {

// Call task(0) … task(tasks - 1), each once, on at most `threads` threads, the caller's included,
// and return when all are done. The tasks may run in any order and must not throw.
//
// Where another thread holds the pool already, the caller does all of its tasks alone.
void run_in_parallel(int tasks, int threads, const std::function<void(int)>& task);

// Where the members of a team wait for each other. A wait spins for a moment, for the others are
// seldom far behind, and then sleeps: on a busy machine one of them may not be running at all.
class Barrier {
 public:
  explicit Barrier(int members) : members_(members), missing_(members) {}

  // Return once every member has called it as often as this one.
  void wait();

 private:
  const int members_;
  std::atomic<int> missing_;
  std::atomic<unsigned> round_{0};
};

// Call member(0, size, barrier) … member(size - 1, size, barrier), each on a thread of its own, the
// caller's included, and return when all are done. size is `threads`, or less where the system gives
// no more, or 1 where another caller is at it already. Members must not throw.
void run_team(int threads, const std::function<void(int, int, Barrier&)>& member);

}  // namespace suimon
