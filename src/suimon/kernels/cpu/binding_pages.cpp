// Memory of the page pool for Python, as DLPack arrays of bytes that give it back when dropped.
#include "arrays.h"
#include "src/page_pool.h"

namespace suimon::binding {

void add_pages(nb::module_& m) {
  m.def(
      "pages",
      [](std::size_t bytes) {
        struct Lease {
          void* memory;
          std::size_t bytes;
        };
        auto* lease = new Lease{take_pages(bytes), bytes};
        const nb::capsule owner(lease, [](void* pointer) noexcept {
          const auto* lease = static_cast<Lease*>(pointer);
          give_pages_back(lease->memory, lease->bytes);
          delete lease;
        });
        return nb::ndarray<std::uint8_t, nb::ndim<1>>(lease->memory, {bytes}, owner);
      },
      nb::arg("bytes"), "An array of so many bytes, its content undefined, from the page pool.");
}

}  // namespace suimon::binding
