// JPEG files in memory, by libjpeg-turbo.   [door: libjpeg]
//
// Grey, YCbCr and RGB, sequential or progressive, by the slow integer transform: the same bytes on
// every host. EXIF orientation is not applied.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "worker/data/raw_image.h"

namespace paracord {

// InvalidArgument for anything that is torn or damaged (what the library would only warn of too,
// but for bytes between its parts), for four channels, and for images that CheckImageSize refuses.
absl::StatusOr<RawImage> DecodeJpeg(std::string_view file);

}  // namespace paracord
