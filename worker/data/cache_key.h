// What names a decoded data set: everything in its spec that decides which values it has, as one
// line of bytes. Two specs have the same key only if they decode to the same values from the same
// files. Pure, but that of a text's vocabulary the contents count and are read.
#pragma once

#include <string>

#include "common/job/job_spec.h"

namespace paracord {

std::string CacheKey(const DatasetSpec& spec);

}  // namespace paracord
