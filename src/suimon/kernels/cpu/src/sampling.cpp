#include "sampling.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace suimon {
namespace {

// A share that is reached but for the rounding of its sum is reached; see sampling.py.
constexpr double kRounding = 1e-12;

// Zero all but the likeliest that top-k and top-p keep. They are taken from a heap one by one:
// sorting a large vocabulary for the few that are kept would take longer than the network's step.
void keep_likeliest(std::vector<double>& shares, const Sampling& sampling) {
  const auto tokens = static_cast<std::int64_t>(shares.size());
  const bool all = sampling.top_k <= 0 || sampling.top_k >= tokens;
  if (all && sampling.top_p >= 1.0) return;
  const auto less_likely = [&](std::int64_t a, std::int64_t b) {
    return shares[a] < shares[b] || (shares[a] == shares[b] && a > b);  // the earlier one wins
  };
  static thread_local std::vector<std::int64_t> heap, kept;
  heap.resize(shares.size());
  for (std::int64_t token = 0; token < tokens; ++token) heap[token] = token;
  std::make_heap(heap.begin(), heap.end(), less_likely);
  kept.clear();
  const auto take = [&] {
    std::pop_heap(heap.begin(), heap.end(), less_likely);
    kept.push_back(heap.back());
    heap.pop_back();
  };
  double total = 1.0;  // of what top-k kept: top-p counts shares of that
  if (!all) {
    total = 0;
    while (static_cast<std::int64_t>(kept.size()) < sampling.top_k) take();
    for (const std::int64_t token : kept) total += shares[token];
  }
  if (sampling.top_p < 1.0) {
    double running = 0;
    std::size_t count = 0;
    for (; count < kept.size() || !heap.empty(); ++count) {
      if (count == kept.size()) {
        if (!all) break;
        take();
      }
      const double share = shares[kept[count]] / total;
      running += share;
      if (running - share >= sampling.top_p - kRounding) break;  // the likelier ones are enough
    }
    kept.resize(std::min(count, kept.size()));
  }
  static thread_local std::vector<double> chosen;
  chosen.assign(shares.size(), 0.0);
  for (const std::int64_t token : kept) chosen[token] = shares[token];
  shares.swap(chosen);
}

}  // namespace

std::int64_t draw_token(const float* scores, std::int64_t tokens, const Sampling& sampling,
                        double uniform) {
  constexpr float lowest = -std::numeric_limits<float>::infinity();
  const auto score = [&](std::int64_t token) {
    return token == sampling.never ? lowest : scores[token];
  };
  std::int64_t likeliest = 0;
  for (std::int64_t token = 1; token < tokens; ++token) {
    if (score(token) > score(likeliest)) likeliest = token;
  }
  if (sampling.temperature == 0.0) return likeliest;
  static thread_local std::vector<double> shares;
  shares.resize(static_cast<std::size_t>(tokens));
  const double largest = score(likeliest);
  double sum = 0;
  for (std::int64_t token = 0; token < tokens; ++token) {
    shares[token] = std::exp((static_cast<double>(score(token)) - largest) / sampling.temperature);
    sum += shares[token];
  }
  for (double& share : shares) share /= sum;
  keep_likeliest(shares, sampling);
  double total = 0;
  for (const double share : shares) total += share;
  const double threshold = uniform * total;
  double running = 0;
  for (std::int64_t token = 0; token < tokens; ++token) {
    running += shares[token];
    if (running > threshold) return token;
  }
  return likeliest;  // scores that are no numbers
}

}  // namespace suimon
