// Ids and counts travel as floats.
#pragma once

#include <cstdint>

namespace paracord {

// Up to here a float is every whole number there is.
inline constexpr int64_t kMostWholeFloat = int64_t{1} << 24;

}  // namespace paracord
