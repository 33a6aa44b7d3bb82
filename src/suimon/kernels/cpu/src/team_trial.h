// Whether a short task is done sooner by a team or by one thread, found out as it goes.
//
// A team's members meet, and where another process has the core of one of them the others wait for
// the scheduler, for milliseconds. So the time that the task takes alone is measured first, and what
// turns of the team gain or lose against it is added up. Where nothing is left of the gains, the task
// is done alone for fifty times as long as was lost: on a machine that is never free, trying costs
// about a fiftieth, and where teams gain more than the waits lose, they go on.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace suimon {

// Times are ticks of the clock. Any threads may call it at once; they then share one account.
class TeamTrial {
 public:
  using Clock = std::chrono::steady_clock;

  // Whether a team's turn is next.
  bool team_is_next(Clock::time_point now) const {
    return alone_.load(std::memory_order_relaxed) >= kTurnsAlone &&
           ticks(now) >= alone_until_.load(std::memory_order_relaxed);
  }

  // A turn that began at `begin` ended at `end`.
  void took(bool team, Clock::time_point begin, Clock::time_point end) {
    const std::int64_t taken = (end - begin).count();
    if (!team) return took_alone(taken);
    const std::int64_t gain = least_alone_.load(std::memory_order_relaxed) - taken;
    const std::int64_t balance = gained_.load(std::memory_order_relaxed) + gain;
    gained_.store(std::clamp<std::int64_t>(balance, 0, kMostGained), std::memory_order_relaxed);
    if (balance >= 0) return;
    alone_until_.store(ticks(end) - kAloneForLoss * balance, std::memory_order_relaxed);
    alone_.store(0, std::memory_order_relaxed);  // and measure anew
  }

 private:
  static constexpr int kTurnsAlone = 4;  // the first finds caches cold
  static constexpr std::int64_t kAloneForLoss = 50;
  // What a machine that was free may lose once it is not.
  static constexpr std::int64_t kMostGained = Clock::period::den / Clock::period::num / 50;

  static std::int64_t ticks(Clock::time_point time) { return time.time_since_epoch().count(); }

  void took_alone(std::int64_t taken) {
    const int turns = alone_.load(std::memory_order_relaxed);
    if (turns == 0 || taken < least_alone_.load(std::memory_order_relaxed)) {
      least_alone_.store(taken, std::memory_order_relaxed);
    }
    if (turns < kTurnsAlone) alone_.store(turns + 1, std::memory_order_relaxed);
  }

  std::atomic<int> alone_{0};                 // turns alone since then, counted to kTurnsAlone
  std::atomic<std::int64_t> least_alone_{0};  // the shortest of all turns alone since then
  std::atomic<std::int64_t> gained_{0};       // by teams, from 0 to kMostGained
  std::atomic<std::int64_t> alone_until_{0};  // a point in time
};

}  // namespace suimon
