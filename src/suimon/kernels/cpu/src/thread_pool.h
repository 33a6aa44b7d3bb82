// A few threads that wait for work, shared by all kernels.
#pragma once

#include <functional>

namespace suimon {

// Call task(0) … task(tasks - 1), each once, on at most `threads` threads, the caller's included,
// and return when all are done. The tasks may run in any order and must not throw.
//
// Waiting threads sleep; none spins. Where another thread holds the pool already, the caller does
// all of its tasks alone. After fork() the child gets a pool of its own.
void run_in_parallel(int tasks, int threads, const std::function<void(int)>& task);

}  // namespace suimon
