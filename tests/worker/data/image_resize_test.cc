#include "worker/data/image_resize.h"

#include <cmath>

#include "tests/worker/data/data_files.h"

namespace paracord {
namespace {

RawImage Random(uint64_t seed, int64_t height, int64_t width, int64_t channels) {
  const std::string bytes = RandomBytes(seed, static_cast<size_t>(height * width * channels));
  return {height, width, channels, {bytes.begin(), bytes.end()}};
}

std::vector<uint8_t> Resized(const RawImage& image, int64_t height, int64_t width) {
  std::vector<uint8_t> out(static_cast<size_t>(image.channels * height * width));
  ResizeAndCrop(image, height, width, out.data());
  return out;
}

// The same in double precision, from the definition: the weight of pixel (v, u) is a triangle
// around the place that an output pixel's middle has in the image.
double Reference(const RawImage& image, int64_t height, int64_t width, int64_t c, int64_t y,
                 int64_t x) {
  const double scale = std::min(static_cast<double>(image.height) / static_cast<double>(height),
                                static_cast<double>(image.width) / static_cast<double>(width));
  const auto middle = [&](int64_t size, int64_t count, int64_t i) {
    return static_cast<double>(size) / 2 +
           (static_cast<double>(i) + 0.5 - static_cast<double>(count) / 2) * scale - 0.5;
  };
  const double reach = std::max(1.0, scale);
  const double from_y = middle(image.height, height, y), from_x = middle(image.width, width, x);
  double sum = 0, weights = 0;
  for (int64_t v = 0; v < image.height; ++v) {
    for (int64_t u = 0; u < image.width; ++u) {
      const double weight = std::max(0.0, reach - std::abs(static_cast<double>(v) - from_y)) *
                            std::max(0.0, reach - std::abs(static_cast<double>(u) - from_x));
      weights += weight;
      sum += weight * image.values[static_cast<size_t>((v * image.width + u) * image.channels + c)];
    }
  }
  return sum / weights;
}

TEST_CASE("an image of the wanted size already is only cut into planes") {
  const RawImage image = Random(1, 6, 9, 3);
  const std::vector<uint8_t> out = Resized(image, 6, 9);
  for (size_t c = 0; c < 3; ++c) {
    for (size_t p = 0; p < 54; ++p) CHECK(out[c * 54 + p] == image.values[p * 3 + c]);
  }
}

TEST_CASE("of an image of the wanted size but for one side the middle is cut out") {
  const RawImage image = Random(2, 4, 10, 1);
  const std::vector<uint8_t> out = Resized(image, 4, 6);
  for (size_t y = 0; y < 4; ++y) {
    for (size_t x = 0; x < 6; ++x) CHECK(out[y * 6 + x] == image.values[y * 10 + x + 2]);
  }
}

TEST_CASE("a resized image is within one step of the same in double precision") {
  const std::vector<std::pair<int64_t, int64_t>> sizes = {{1, 1},   {1, 9},   {9, 1},  {5, 5},
                                                          {13, 7},  {7, 13},  {40, 3}, {3, 40},
                                                          {33, 47}, {64, 64}, {2, 2}};
  uint64_t seed = 10;
  for (const auto& [height, width] : sizes) {
    ++seed;
    const RawImage image = Random(seed, height, width, seed % 2 == 0 ? 1 : 3);
    for (const auto& [to_height, to_width] : sizes) {
      const std::vector<uint8_t> out = Resized(image, to_height, to_width);
      size_t at = 0;
      double worst = 0;
      for (int64_t c = 0; c < image.channels; ++c) {
        for (int64_t y = 0; y < to_height; ++y) {
          for (int64_t x = 0; x < to_width; ++x) {
            const double expected = Reference(image, to_height, to_width, c, y, x);
            worst = std::max(worst, std::abs(expected - out[at++]));
          }
        }
      }
      CAPTURE(seed, height, width, to_height, to_width);
      CHECK(worst < 1);
    }
  }
}

TEST_CASE("an image of one value keeps it at any size") {
  for (const int64_t size : {1, 2, 3, 17, 100, 333}) {
    RawImage image = {size, 2 * size, 1, std::vector<uint8_t>(2 * size * size, 201)};
    for (const uint8_t value : Resized(image, 28, 31)) REQUIRE(value == 201);
  }
}

}  // namespace
}  // namespace paracord
