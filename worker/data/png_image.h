// PNG files in memory, by libpng.   [door: libpng]
//
// Any colour type, depth and interlacing; values of 16 bits are rounded to 8, transparency is
// dropped, gamma and colour profiles are left alone: the same bytes on every host.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "worker/data/raw_image.h"

namespace paracord {

// InvalidArgument for anything that is torn or damaged, and for images that CheckImageSize refuses.
absl::StatusOr<RawImage> DecodePng(std::string_view file);

}  // namespace paracord
