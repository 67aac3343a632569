// Is every float a number? One pass at memory speed, without a branch.
#pragma once

#include <cstdint>

namespace paracord {

// False: one of them is an infinity or NaN. Nothing at all is finite.
bool AllFinite(int64_t count, const float* values);

}  // namespace paracord
