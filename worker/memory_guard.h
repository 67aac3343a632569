// The standard library says with an exception that there is no memory. Around what a task does it
// becomes an error like others.
#pragma once

#include <cstdint>
#include <new>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace paracord {

// What `work` returns, an absl::Status or StatusOr; ResourceExhausted if an allocation fails in it,
// with what `doing` says: "training step 7".
template <class Doing, class Work>
auto NameOutOfMemory(const Doing& doing, const Work& work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(absl::StrCat("out of memory: ", doing()));
  }
}

// What a lane does.
inline std::string SliceName(uint64_t step, uint32_t virtual_worker) {
  return absl::StrCat("computing step ", step, ", virtual worker ", virtual_worker);
}

}  // namespace paracord
