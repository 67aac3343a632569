// What a task sends of a slice that is not to count (on_nonfinite: skip_step): NaN for every float.
// Every sum that such a slice is in is NaN throughout, too, in whatever order it was added. So each
// shard sees of each block, without a word to anybody, that the step is to change nothing, and all
// come to the same verdict.
#pragma once

#include <cstddef>

#include "common/base/payload.h"

namespace paracord {

void PoisonFloats(float* floats, size_t count);

// Was there a poisoned slice in it? One look tells of a sum that is finite. One that overflowed is
// no poison: it is NaN in places, if at all.
bool IsPoisoned(const Payload& sum);

}  // namespace paracord
