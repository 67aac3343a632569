// An image brought to the size that a model wants: scaled, with its proportions, until it covers
// that size, and cut around its centre. Whole numbers throughout: the same bytes on every host.
//
// Scaling is by a triangle filter as wide as the scale (at least a pixel): linear between pixels
// when it grows, a weighted mean of all of them when it shrinks. An image of that size already
// comes out as it is.
#pragma once

#include <cstdint>

#include "worker/data/raw_image.h"

namespace paracord {

// Writes [channels of the image, height, width] to `out`. All extents are at least 1.
void ResizeAndCrop(const RawImage& image, int64_t height, int64_t width, uint8_t* out);

}  // namespace paracord
