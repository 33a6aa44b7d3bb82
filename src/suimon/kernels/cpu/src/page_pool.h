// Large blocks of memory that are handed out again and again.
//
// A fresh page costs more than the arithmetic on it: the system clears it, and fetches it anew for
// every call where the allocator has given it back. Blocks from here keep their pages.
#pragma once

#include <cstddef>

namespace suimon {

// Memory at a multiple of 64 bytes, its content undefined. Blocks of the same `bytes` are the same
// memory again where one was given back. Throws std::bad_alloc.
void* take_pages(std::size_t bytes);

// Give back what take_pages(bytes) returned, from any thread. So many bytes are kept for the next
// caller; beyond, they go to the system.
void give_pages_back(void* memory, std::size_t bytes) noexcept;

}  // namespace suimon
