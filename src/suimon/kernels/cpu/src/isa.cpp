#include "isa.h"

#ifdef SUIMON_BUILT_BF16
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

namespace suimon {

#ifdef SUIMON_BUILT_BF16
namespace {

// Bits of the processor's list of features, leaf 7.
bool has_avx512_bf16() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a >> 5 & 1) != 0;
}

bool has_amx_bf16() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d >> 22 & 1) != 0 && (d >> 24 & 1) != 0;
}

// The matrix registers are large, so that a process must ask the operating system for them.
bool may_use_amx() {
#if defined(__linux__)
  constexpr long kRequestPermission = 0x1023;
  constexpr long kTileData = 18;
  static const bool granted = syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  return granted;
#else
  return false;
#endif
}

}  // namespace
#endif

std::string_view name_of(Isa isa) noexcept {
  switch (isa) {
    case Isa::amx:
      return "amx";
    case Isa::avx512bf16:
      return "avx512bf16";
    case Isa::avx512:
      return "avx512";
    case Isa::avx2:
      return "avx2";
    case Isa::baseline:
      break;
  }
  return "baseline";
}

bool multiplies_bf16(Isa isa) noexcept { return isa == Isa::avx512bf16 || isa == Isa::amx; }

std::vector<Isa> available_isas() {
  std::vector<Isa> found{Isa::baseline};
#ifdef SUIMON_X86_64
  // These tests also ask whether the operating system saves the wide registers.
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    found.push_back(Isa::avx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
      found.push_back(Isa::avx512);
#ifdef SUIMON_BUILT_BF16
      if (has_avx512_bf16()) {
        found.push_back(Isa::avx512bf16);
        if (has_amx_bf16() && may_use_amx()) found.push_back(Isa::amx);
      }
#endif
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
