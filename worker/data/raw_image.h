// An image as its file has it: 8 bits a value, grey or red, green and blue. Pure; any thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace paracord {

struct RawImage {
  int64_t height = 0, width = 0, channels = 0;  // channels: 1 or 3
  std::vector<uint8_t> values;                  // [height, width, channels]
};

// Asked by a decoder before it takes memory for pixels. InvalidArgument if an image has none, more
// than 2^26, or more than a file of `bytes` can hold with `per_byte` pixels a byte.
absl::Status CheckImageSize(uint64_t height, uint64_t width, uint64_t bytes, uint64_t per_byte);

// A PNG or a JPEG file, told by its first bytes. InvalidArgument says what is wrong with it.
absl::StatusOr<RawImage> DecodeImageFile(std::string_view file);

// Makes it grey (ITU-R 601 weights) or three equal channels.
void SetChannels(int64_t channels, RawImage* image);

}  // namespace paracord
