// The loops over time. CMake compiles this file once for each instruction set, with SUIMON_ISA set
// to the namespace it fills and SUIMON_ELEMENT to the type of its products.
//
// It calls no inline function of the standard library, see linear_recurrence_loops.cpp.
#include "phases_backward.h"
#include "phases_forward.h"
#include "sequence_backward.h"
#include "sequence_forward.h"

namespace suimon::SUIMON_ISA {
namespace {

// Bytes of gates beyond which they are gone from the caches before backward reads them, and are
// better written past them.
constexpr std::int64_t kTooLargeToKeep = 1 << 20;

template <Kind kKind, History kHistory>
void run_all(const Forward& work, const SequenceShare& share) {
  work.phases.any() ? run_phases<kKind, kHistory>(work, share)
                    : run_steps<kKind, kHistory>(work, share);
  if (kHistory == History::streamed) end_streaming();
}

template <Kind kKind>
void run_with_history(const Forward& work, const SequenceShare& share) {
  const SequenceShape& shape = work.shape;
  const std::int64_t bytes = shape.steps * shape.rows * shape.units * work.cell.kept() * 4;
  if (work.gates == nullptr) return run_all<kKind, History::none>(work, share);
  if (bytes <= kTooLargeToKeep) return run_all<kKind, History::kept>(work, share);
  run_all<kKind, History::streamed>(work, share);
}

template <Kind kKind>
void run_back(const Backward& work, const SequenceShare& share) {
  work.phases.any() ? run_phases_back<kKind>(work, share) : run_steps_back<kKind>(work, share);
}

}  // namespace

void loop(const Forward& work, const SequenceShare& share) {
  switch (work.cell.kind) {
    case Kind::elman: return run_with_history<Kind::elman>(work, share);
    case Kind::lstm: return run_with_history<Kind::lstm>(work, share);
    case Kind::gru: return run_with_history<Kind::gru>(work, share);
  }
}

void loop(const Backward& work, const SequenceShare& share) {
  switch (work.cell.kind) {
    case Kind::elman: return run_back<Kind::elman>(work, share);
    case Kind::lstm: return run_back<Kind::lstm>(work, share);
    case Kind::gru: return run_back<Kind::gru>(work, share);
  }
}

}  // namespace suimon::SUIMON_ISA
