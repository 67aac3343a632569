#include "worker/data/image_resize.h"

#include <algorithm>
#include <cstdlib>

namespace paracord {
namespace {

constexpr int kPlace = 16;  // bits behind the point of a place in an image
constexpr int64_t kPixel = int64_t{1} << kPlace;
constexpr int kWeight = 14;  // of a weight
constexpr int kBetween = 8;  // of a value between the two passes

// The pixels [first, first + weights.size()) of a line make one pixel of the result; their weights
// add up to 2^kWeight.
struct Tap {
  int64_t first = 0;
  std::vector<int32_t> weights;
};

Tap MakeTap(int64_t centre, int64_t reach, int64_t size) {
  Tap tap;
  tap.first = std::clamp<int64_t>((centre - reach) / kPixel, 0, size - 1);
  const int64_t last = std::clamp<int64_t>((centre + reach) / kPixel, 0, size - 1);
  std::vector<int64_t> shares;
  int64_t sum = 0;
  for (int64_t k = tap.first; k <= last; ++k) {
    shares.push_back(std::max<int64_t>(0, reach - std::abs(k * kPixel - centre)));
    sum += shares.back();
  }
  int32_t left = 1 << kWeight;
  for (const int64_t share : shares) {
    tap.weights.push_back(static_cast<int32_t>((share << kWeight) / sum));
    left -= tap.weights.back();
  }
  *std::max_element(tap.weights.begin(), tap.weights.end()) += left;
  return tap;
}

// `count` pixels out of the middle `span` (in kPixel) of a line of `size` pixels.
std::vector<Tap> MakeTaps(int64_t size, int64_t span, int64_t count) {
  std::vector<Tap> taps;
  const int64_t start = (size * kPixel - span) / 2;
  const int64_t reach = std::max(kPixel, span / count);
  for (int64_t i = 0; i < count; ++i) {
    taps.push_back(MakeTap(start + (2 * i + 1) * span / (2 * count) - kPixel / 2, reach, size));
  }
  return taps;
}

// Row `y` of the image with its width changed, one plane after the other.
void ResizeRow(const RawImage& image, int64_t y, const std::vector<Tap>& taps, uint16_t* out) {
  const uint8_t* row = image.values.data() + y * image.width * image.channels;
  for (int64_t c = 0; c < image.channels; ++c) {
    for (const Tap& tap : taps) {
      int64_t sum = 0, at = tap.first * image.channels + c;
      for (const int32_t weight : tap.weights) {
        sum += weight * int64_t{row[at]};
        at += image.channels;
      }
      *out++ = static_cast<uint16_t>(sum >> (kWeight - kBetween));
    }
  }
}

}  // namespace

void ResizeAndCrop(const RawImage& image, int64_t height, int64_t width, uint8_t* out) {
  // Of the two sides, one is used whole.
  const bool wide = image.width * height >= image.height * width;
  const int64_t span_x = wide ? image.height * width * kPixel / height : image.width * kPixel;
  const int64_t span_y = wide ? image.height * kPixel : image.width * height * kPixel / width;
  const std::vector<Tap> across = MakeTaps(image.width, span_x, width);
  const std::vector<Tap> down = MakeTaps(image.height, span_y, height);
  const int64_t first = down.front().first, line = image.channels * width;
  const int64_t end = down.back().first + static_cast<int64_t>(down.back().weights.size());
  std::vector<uint16_t> rows(static_cast<size_t>((end - first) * line));
  for (int64_t y = first; y < end; ++y) {
    ResizeRow(image, y, across, rows.data() + (y - first) * line);
  }
  for (int64_t c = 0; c < image.channels; ++c) {
    for (const Tap& tap : down) {
      for (int64_t x = 0; x < width; ++x) {
        int64_t sum = int64_t{1} << (kWeight + kBetween - 1);
        int64_t at = (tap.first - first) * line + c * width + x;
        for (const int32_t weight : tap.weights) {
          sum += weight * int64_t{rows[static_cast<size_t>(at)]};
          at += line;
        }
        *out++ = static_cast<uint8_t>(sum >> (kWeight + kBetween));
      }
    }
  }
}

}  // namespace paracord
