#include "worker/tensor/finite.h"

#include <bit>

#include "common/base/vectorize.h"

namespace paracord {

// An exponent of all ones, which infinities and NaN alone have, carries into the sign's place.
PARACORD_VECTORIZED bool AllFinite(int64_t count, const float* values) {
  uint32_t carried = 0;
  for (int64_t i = 0; i < count; ++i) {
    carried |= (std::bit_cast<uint32_t>(values[i]) & 0x7FFFFFFFu) + 0x00800000u;
  }
  return (carried & 0x80000000u) == 0;
}

}  // namespace paracord
