// The windows of an image as a matrix, so that a convolution is a product of matrices: K = channels
// * kernel_height * kernel_width taps, P = output points; what lies in the padding is +0. `shape`
// gives all but the channels, which begin at x.
#pragma once

#include <cstdint>

#include "worker/tensor/shapes.h"

namespace paracord {

// columns [K, P].
void UnfoldTaps(const ConvShape& shape, int64_t channels, const float* x, float* columns);
// columns [P, K].
void UnfoldPoints(const ConvShape& shape, int64_t channels, const float* x, float* columns);
// The way back of UnfoldTaps: dx [channels, height, width] = the sum of the columns that were read
// from each place, in order of taps. Overwrites.
void FoldTaps(const ConvShape& shape, int64_t channels, const float* columns, float* dx);

}  // namespace paracord
