// From a row of scores to one token: what suimon/inference/sampling.py defines, one row at a time.
#pragma once

#include <cstdint>

namespace suimon {

struct Sampling {
  double temperature;   // 0 or more; 0 takes the likeliest
  std::int64_t top_k;   // 0: all
  double top_p;         // 1: all
  std::int64_t never;   // a token that is not drawn, or -1
};

// The token at which the running sum of the probabilities passes `uniform`, from 0 to below 1.
// `scores` holds one number for each of `tokens` tokens, at least one of them above minus infinity.
std::int64_t draw_token(const float* scores, std::int64_t tokens, const Sampling& sampling,
                        double uniform);

}  // namespace suimon
