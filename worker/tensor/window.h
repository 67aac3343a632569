// Where the windows of a convolution or a pool reach into an image.
#pragma once

#include <algorithm>
#include <cstdint>

namespace paracord {

// The outputs [first, end) of a row (or column) of outputs whose input through one tap of the
// window lies inside the image: output j reads place j * stride + offset.
struct Span {
  int64_t first, end, offset;
};

inline Span SpanInside(int64_t size, int64_t outputs, int64_t stride, int64_t padding,
                       int64_t tap) {
  const int64_t offset = tap - padding;
  const int64_t before = offset < 0 ? (-offset + stride - 1) / stride : 0;
  const int64_t end = size > offset ? (size - 1 - offset) / stride + 1 : 0;
  const int64_t first = std::min(before, outputs);
  return {first, std::clamp(end, first, outputs), offset};
}

}  // namespace paracord
