// CpuOps, convolutions. Two ways, by measurement (AVX-512, one thread, 16 rows, for a row):
//
// By oneDNN (convolution.h) where the channels of a group fill its blocks of 16: 3x3 over 16, 32 or
// 64 channels takes 0.5 to 0.7 of the time of the other way.
// Else as a product with the unfolded image, whatever the number of channels: 5x5 from 20 to 50
// channels takes 0.7 of oneDNN's time, 5x5 from 1 to 20 takes 0.6 forward. A row is a product of
// its own, so its bits do not depend on the rows beside it.
#include <algorithm>
#include <cstdint>

#include "common/base/vectorize.h"
#include "worker/tensor/convolution.h"
#include "worker/tensor/cpu_ops.h"
#include "worker/tensor/fixed_order.h"
#include "worker/tensor/gemm.h"
#include "worker/tensor/unfold.h"

namespace paracord {
namespace {

constexpr int64_t kBlock = 16;  // channels

// Channels and floats of one group.
struct Group {
  explicit Group(const ConvShape& s)
      : in(s.in_channels / s.groups),
        out(s.out_channels / s.groups),
        taps(in * s.kernel_height * s.kernel_width),
        points(s.out_points()) {}
  int64_t in, out, taps, points;
};

bool Pointwise(const ConvShape& s) { return s.kernel_height == 1 && s.kernel_width == 1; }

// The columns are the image as it lies.
bool IsUnfolded(const ConvShape& s) { return Pointwise(s) && s.stride == 1 && s.padding == 0; }

bool FillsBlocks(ConvPass pass, const ConvShape& s) {
  const Group g(s);
  if (Pointwise(s)) return false;
  if (g.in == 1 && g.out == 1) return s.groups >= kBlock;
  const bool few = g.in <= 3 && s.groups == 1 && pass != ConvPass::kInputGradient;
  return g.out % kBlock == 0 && (g.in % kBlock == 0 || few);
}

// y [channels, points] += bias for each row.
PARACORD_VECTORIZED void AddBias(int64_t rows, int64_t channels, int64_t points, const float* bias,
                                 float* y) {
  for (int64_t c = 0; c < rows * channels; ++c) {
    const float b = bias[c % channels];
    for (int64_t i = 0; i < points; ++i) y[c * points + i] += b;
  }
}

PARACORD_VECTORIZED float PlaneSum(int64_t points, const float* plane) {
  return LaneSum<float>(points, [plane](int64_t i) { return plane[i]; });
}

}  // namespace

int64_t CpuOps::ConvScratch(const ConvShape& shape) const {
  const Group g(shape);
  if (shape.rows == 0) return 0;
  int64_t floats = 0;
  for (const ConvPass pass :
       {ConvPass::kForward, ConvPass::kInputGradient, ConvPass::kWeightGradient}) {
    const bool blocked = FillsBlocks(pass, shape);
    floats = std::max(floats, blocked ? BlockedConvScratch(pass, shape) : g.taps * g.points);
  }
  return floats;
}

void CpuOps::ConvForward(const ConvShape& shape, const float* x, const float* weight,
                         const float* bias, float* y, float* scratch) const {
  const Group g(shape);
  if (shape.rows == 0) return;
  if (FillsBlocks(ConvPass::kForward, shape)) {
    BlockedConv(ConvPass::kForward, shape, x, weight, y, scratch);
  } else {
    for (int64_t i = 0; i < shape.rows * shape.groups; ++i) {
      const float* image = x + i * g.in * shape.in_points();
      if (!IsUnfolded(shape)) UnfoldTaps(shape, g.in, image, scratch);
      const float* columns = IsUnfolded(shape) ? image : scratch;
      Multiply(g.out, g.points, g.taps, {weight + i % shape.groups * g.out * g.taps, g.taps},
               {columns, g.points}, y + i * g.out * g.points);
    }
  }
  if (bias != nullptr) AddBias(shape.rows, shape.out_channels, g.points, bias, y);
}

void CpuOps::ConvInputGradient(const ConvShape& shape, const float* dy, const float* weight,
                               float* dx, float* scratch) const {
  const Group g(shape);
  if (shape.rows == 0) return;
  if (FillsBlocks(ConvPass::kInputGradient, shape)) {
    return BlockedConv(ConvPass::kInputGradient, shape, dy, weight, dx, scratch);
  }
  for (int64_t i = 0; i < shape.rows * shape.groups; ++i) {
    float* image = dx + i * g.in * shape.in_points();
    float* columns = IsUnfolded(shape) ? image : scratch;
    Multiply(g.taps, g.points, g.out, {weight + i % shape.groups * g.out * g.taps, g.taps, true},
             {dy + i * g.out * g.points, g.points}, columns);
    if (!IsUnfolded(shape)) FoldTaps(shape, g.in, scratch, image);
  }
}

void CpuOps::ConvWeightGradient(const ConvShape& shape, const float* dy, const float* x,
                                float* dweight, float* scratch) const {
  const Group g(shape);
  if (shape.rows == 0) return Clear(shape.weight(), dweight);
  if (FillsBlocks(ConvPass::kWeightGradient, shape)) {
    return BlockedConv(ConvPass::kWeightGradient, shape, dy, x, dweight, scratch);
  }
  for (int64_t i = 0; i < shape.rows * shape.groups; ++i) {
    const float* image = x + i * g.in * shape.in_points();
    if (!IsUnfolded(shape)) UnfoldPoints(shape, g.in, image, scratch);
    const MatrixView columns =
        IsUnfolded(shape) ? MatrixView{image, g.points, true} : MatrixView{scratch, g.taps};
    MultiplyInto(g.out, g.taps, g.points, {dy + i * g.out * g.points, g.points}, columns,
                 {dweight + i % shape.groups * g.out * g.taps, g.taps, i >= shape.groups});
  }
}

void CpuOps::ConvBiasGradient(const ConvShape& shape, const float* dy, float* dbias) const {
  const int64_t points = shape.out_points();
  Clear(shape.out_channels, dbias);
  for (int64_t i = 0; i < shape.rows * shape.out_channels; ++i) {
    const float sum = PlaneSum(points, dy + i * points);
    float& to = dbias[i % shape.out_channels];
    to = i < shape.out_channels ? sum : to + sum;
  }
}

}  // namespace paracord
