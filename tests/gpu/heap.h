// What this program has allocated with operator new, which heap.cc replaces: where the memory that
// a pointer points into begins and how long it is.
#pragma once

#include <cstddef>

namespace paracord {

struct HeapBlock {
  char* begin;
  size_t bytes;
};

// The block that holds `at`, or ends there. Ends the program if there is none: the tests of
// operations give them memory of vectors alone.
HeapBlock HeapBlockOf(const void* at);

}  // namespace paracord
