#include "worker/data/raw_image.h"

#include <algorithm>

#include "common/base/status.h"
#include "worker/data/jpeg_image.h"
#include "worker/data/number_text.h"
#include "worker/data/png_image.h"

namespace paracord {
namespace {

constexpr uint64_t kMostPixels = uint64_t{1} << 26;
constexpr uint64_t kMostSide = 65535;

}  // namespace

absl::Status CheckImageSize(uint64_t height, uint64_t width, uint64_t bytes, uint64_t per_byte) {
  if (height < 1 || width < 1 || height > kMostSide || width > kMostSide ||
      height * width > kMostPixels) {
    return absl::InvalidArgumentError(absl::StrCat("found an image of ", width, " x ", height,
                                                   " pixels; expected 1 to ", kMostPixels,
                                                   " in all"));
  }
  if (height * width / per_byte <= bytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the header announces ", width, " x ", height,
                                                 " pixels, more than ", bytes,
                                                 " bytes can hold; torn"));
}

absl::StatusOr<RawImage> DecodeImageFile(std::string_view file) {
  if (file.substr(0, 8) == "\x89PNG\r\n\x1a\n") return DecodePng(file);
  if (file.substr(0, 3) == "\xff\xd8\xff") return DecodeJpeg(file);
  if (file.empty()) return absl::InvalidArgumentError("the file is empty; expected an image");
  return absl::InvalidArgumentError(
      absl::StrCat("found ", Quoted(file.substr(0, 8)), "; expected a PNG or JPEG image"));
}

void SetChannels(int64_t channels, RawImage* image) {
  if (image->channels == channels) return;
  const size_t pixels = static_cast<size_t>(image->height * image->width);
  std::vector<uint8_t> values(pixels * static_cast<size_t>(channels));
  const uint8_t* from = image->values.data();
  for (size_t i = 0; i < pixels; ++i) {
    if (channels == 1) {
      constexpr uint32_t kRed = 19595, kGreen = 38470, kBlue = 7471;  // in all 2^16
      const uint32_t sum = kRed * from[3 * i] + kGreen * from[3 * i + 1] + kBlue * from[3 * i + 2];
      values[i] = static_cast<uint8_t>((sum + (1 << 15)) >> 16);
    } else {
      std::fill_n(values.begin() + static_cast<int64_t>(3 * i), 3, from[i]);
    }
  }
  image->values = std::move(values);
  image->channels = channels;
}

}  // namespace paracord
