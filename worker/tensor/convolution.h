// The door to oneDNN's convolutions: direct ones on blocks of channels, for shapes that fill the
// blocks (cpu_ops_conv.cc says when they pay).
//
// A call computes on the calling thread alone, and any thread may call. Images and weights come and
// go as they lie (shapes.h) and are turned into oneDNN's blocks in `scratch`. What oneDNN compiles
// for a shape is kept for the thread that asked. Bits depend on oneDNN's instruction set and
// version (compute_class.h) and on the shape; a row of an output does not depend on the rows beside
// it (tested for each instruction set).
#pragma once

#include <cstdint>

#include "worker/tensor/shapes.h"

namespace paracord {

enum class ConvPass { kForward, kInputGradient, kWeightGradient };

// Floats of scratch, which needs no alignment.
int64_t BlockedConvScratch(ConvPass pass, const ConvShape& shape);

// kForward: y from x and weight, without bias; kInputGradient: dx from dy and weight;
// kWeightGradient: dweight from dy and x. rows > 0. Overwrites `out`.
void BlockedConv(ConvPass pass, const ConvShape& shape, const float* first, const float* second,
                 float* out, float* scratch);

}  // namespace paracord
