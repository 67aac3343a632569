// A tensor's first value: a pure function of (seed, tensor's name, index), so that any shard can
// make any block of it.
#pragma once

#include <cstdint>

#include "common/job/model_spec.h"

namespace paracord {

// Fills out[0..count) with the values of elements [offset, offset + count) of `tensor`.
void FirstValues(uint64_t seed, const TensorSpec& tensor, uint64_t offset, uint64_t count,
                 float* out);

}  // namespace paracord
