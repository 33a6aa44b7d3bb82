// Python's door to the native kernels.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <string_view>
#include <vector>

#include "arrays.h"
#include "src/isa.h"

NB_MODULE(_native, m) {
  m.doc() = "suimon's native CPU kernels; see suimon/kernels/cpu/src for what each computes.";

  m.def(
      "instruction_sets",
      [] {
        std::vector<std::string> names;
        for (const suimon::Isa isa : suimon::available_isas()) names.emplace_back(name_of(isa));
        return names;
      },
      "Names of the instruction sets that this build and this machine have, best last.");

  m.def(
      "multiplies_bf16",
      [](std::string_view isa) { return multiplies_bf16(suimon::binding::chosen(isa)); },
      nanobind::arg("isa"), "Whether the instruction set has products of bfloat16.");

  suimon::binding::add_linear_recurrence(m);
  suimon::binding::add_sequence(m);
  suimon::binding::add_pages(m);
  suimon::binding::add_step_engine(m);
}
