// Which buffer holds what, and when: whatever a pass needs for some time gets a buffer that nobody
// else needs meanwhile. A pure function.
#pragma once

#include <cstdint>
#include <vector>

namespace paracord {

// Something that is written first at time `begin` and read last at `end`. What is read at a time
// and what is written at the same time are apart, unless one takes over the other's buffer.
struct Lifetime {
  int begin, end;
  int64_t floats;
  int inherits =
      -1;  // index of an earlier one that ends when this begins and is as large; -1: none
  bool held = false;  // for long: takes no buffer that is larger than it, and might be used again
};

struct Placement {
  std::vector<int> buffer;      // of each lifetime
  std::vector<int64_t> floats;  // of each buffer
};

Placement Place(std::vector<Lifetime> lifetimes);

}  // namespace paracord
