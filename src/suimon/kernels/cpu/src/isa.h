// The instruction sets that this build holds, and those that this machine can run.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace suimon {

// In rising order: a later one is never slower. `baseline` is the compiler's default for the
// architecture (SSE2 on x86-64, NEON on AArch64) and is always there. The last two differ from
// avx512 in their products of bfloat16 alone.
enum class Isa { baseline, avx2, avx512, avx512bf16, amx };

// Lower-case name, as SUIMON_CPU_ISA spells it: "baseline", "avx2", "avx512", "avx512bf16", "amx".
std::string_view name_of(Isa isa) noexcept;

// Whether it has products of bfloat16.
bool multiplies_bf16(Isa isa) noexcept;

// Those that are compiled in and that this processor and its operating system support, rising.
std::vector<Isa> available_isas();

// The available one of that name; nothing where the name is unknown or cannot run here.
std::optional<Isa> find_isa(std::string_view name);

}  // namespace suimon
