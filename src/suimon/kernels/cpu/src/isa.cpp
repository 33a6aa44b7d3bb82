#include "isa.h"

namespace suimon {

std::string_view name_of(Isa isa) noexcept {
  switch (isa) {
    case Isa::avx512:
      return "avx512";
    case Isa::avx2:
      return "avx2";
    case Isa::baseline:
      break;
  }
  return "baseline";
}

std::vector<Isa> available_isas() {
  std::vector<Isa> found{Isa::baseline};
#ifdef SUIMON_X86_64
  // These tests also ask whether the operating system saves the wide registers.
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    found.push_back(Isa::avx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
      found.push_back(Isa::avx512);
    }
  }
#endif
  return found;
}

std::optional<Isa> find_isa(std::string_view name) {
  for (const Isa isa : available_isas()) {
    if (name_of(isa) == name) return isa;
  }
  return std::nullopt;
}

}  // namespace suimon
