// The door to oneDNN's convolutions, on blocks of channels, for shapes that fill the blocks
// (cpu_ops_conv.cc says when they pay): Winograd's for 3 x 3 windows of stride 1 where oneDNN has
// them (AVX-512), else direct ones. On AVX-512 at 16 rows, Winograd's takes 0.65 to 1.0 of the time
// of a direct one on ResNet-14's layers and 0.35 to 0.6 on ResNet-50's; its error, of the largest
// value, is up to 3e-6 instead of 5e-7 forward, and not above a direct one's in weight gradients.
//
// A call computes on the calling thread alone, and any thread may call. Images and weights come and
// go as they lie (shapes.h) and are turned into oneDNN's blocks in `scratch`. What oneDNN compiles
// for a shape is kept for the thread that asked, and so is the memory that it needs beside. Bits
// depend on oneDNN's instruction set and version (compute_class.h) and on the shape; a row of an
// output does not depend on the rows beside it (tested for each instruction set).
//
// Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016,
// section 4.
#pragma once

#include <cstdint>

#include "worker/tensor/shapes.h"

namespace paracord {

enum class ConvPass { kForward, kInputGradient, kWeightGradient };

// Floats of scratch, which needs no alignment; enough for fewer rows too.
int64_t BlockedConvScratch(ConvPass pass, const ConvShape& shape);

// kForward: y from x and weight, without bias; kInputGradient: dx from dy and weight;
// kWeightGradient: dweight from dy and x. rows > 0. Overwrites `out`.
void BlockedConv(ConvPass pass, const ConvShape& shape, const float* first, const float* second,
                 float* out, float* scratch);

}  // namespace paracord
