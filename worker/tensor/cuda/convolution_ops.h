// Operations by launching bodies: convolutions as products with the unfolded images of a chunk of
// rows, so many that their columns stay small. Groups are the batches of a product.
//
// How rows are cut into chunks follows from the shape of one row; only the weights' gradient, a sum
// over all rows, depends on it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "worker/tensor/cuda/block.h"
#include "worker/tensor/cuda/launched_ops.h"
#include "worker/tensor/cuda/matrix_product.h"
#include "worker/tensor/cuda/unfolded.h"

namespace paracord {

// Sum over rows and points of a channel, by one block.
struct ChannelSumBody {
  static constexpr int kThreads = 256;
  int64_t rows, channels, points;
  const float* dy;
  float* dbias;

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    const int64_t channel = block.x();
    const float sum = block.Sum([&](int thread) {
      float part = 0;
      for (int64_t i = thread; i < rows * points; i += kThreads) {
        const int64_t row = i / points;
        part += dy[(row * channels + channel) * points + i - row * points];
      }
      return part;
    });
    block.Each([&](int thread) {
      if (thread == 0) dbias[channel] = sum;
    });
  }
};

// Rows [first, first + shape.rows) of a convolution, and its matrices.
struct ConvChunk {
  // Of columns and outputs of a chunk, unless one row has more.
  static constexpr int64_t kMostFloats = int64_t{1} << 24;
  static constexpr int64_t kUnit = 8;  // columns: rows of a matrix begin at 16 bytes, packed too

  static int64_t TapsOf(const ConvShape& s) {
    return s.in_channels * s.kernel_height * s.kernel_width;
  }
  static int64_t RowsOf(const ConvShape& s) {
    const int64_t floats = (TapsOf(s) + s.out_channels) * s.out_points();
    return std::min(s.rows, std::max<int64_t>(1, kMostFloats / floats));
  }

  ConvChunk(const ConvShape& whole, int64_t first)
      : first(first),
        shape(whole),
        taps(TapsOf(whole) / whole.groups),
        outputs(whole.out_channels / whole.groups) {
    shape.rows = std::min(RowsOf(whole), whole.rows - first);
    columns = shape.rows * shape.out_points();
    stride = CeilDivide(columns, kUnit) * kUnit;
  }

  int64_t floats() const { return (taps + outputs) * shape.groups * stride; }
  float* Outputs(float* scratch) const { return scratch + taps * shape.groups * stride; }

  int64_t first;
  ConvShape shape;
  int64_t taps, outputs;  // of a group
  int64_t columns, stride;
};

template <class Base>
class ConvolutionOps : public Base {
 public:
  using Base::Base;

  int64_t ConvScratch(const ConvShape& s) const override {
    return s.rows == 0 ? 0 : ConvChunk(s, 0).floats();
  }

  void ConvForward(const ConvShape& s, const float* x, const float* weight, const float* bias,
                   float* y, float* scratch) const override {
    EachChunk(s, [&](const ConvChunk& c) {
      Unfold(c.shape, x, c.first * s.input(), c.stride, scratch);
      float* turned = c.Outputs(scratch);
      this->launcher().product().Multiply({.m = c.outputs,
                                           .n = c.columns,
                                           .k = c.taps,
                                           .a = {weight, c.taps, false, c.outputs * c.taps},
                                           .b = {scratch, c.stride, false, c.taps * c.stride},
                                           .c = turned,
                                           .c_stride = c.stride,
                                           .c_batch_stride = c.outputs * c.stride,
                                           .batches = s.groups,
                                           .bfloat16 = s.bfloat16,
                                           .alone = Product::Alone::kColumns});
      Launch(FromColumnsBody(c.shape, turned, c.stride, bias, y + c.first * s.output()));
    });
  }

  void ConvInputGradient(const ConvShape& s, const float* dy, const float* weight, float* dx,
                         float* scratch) const override {
    EachChunk(s, [&](const ConvChunk& c) {
      float* turned = c.Outputs(scratch);
      UnfoldOutputs(c, dy, turned);
      this->launcher().product().Multiply({.m = c.taps,
                                           .n = c.columns,
                                           .k = c.outputs,
                                           .a = {weight, c.taps, true, c.outputs * c.taps},
                                           .b = {turned, c.stride, false, c.outputs * c.stride},
                                           .c = scratch,
                                           .c_stride = c.stride,
                                           .c_batch_stride = c.taps * c.stride,
                                           .batches = s.groups,
                                           .bfloat16 = s.bfloat16,
                                           .alone = Product::Alone::kColumns});
      Launch(FoldBody(c.shape, scratch, c.stride, dx + c.first * s.input()));
    });
  }

  void ConvWeightGradient(const ConvShape& s, const float* dy, const float* x, float* dweight,
                          float* scratch) const override {
    if (s.rows == 0) return this->Clear(s.weight(), dweight);
    EachChunk(s, [&](const ConvChunk& c) {
      float* turned = c.Outputs(scratch);
      Unfold(c.shape, x, c.first * s.input(), c.stride, scratch);
      UnfoldOutputs(c, dy, turned);
      this->launcher().product().Multiply({.m = c.outputs,
                                           .n = c.taps,
                                           .k = c.columns,
                                           .a = {turned, c.stride, false, c.outputs * c.stride},
                                           .b = {scratch, c.stride, true, c.taps * c.stride},
                                           .c = dweight,
                                           .c_stride = c.taps,
                                           .c_batch_stride = c.outputs * c.taps,
                                           .batches = s.groups,
                                           .add = c.first > 0,
                                           .bfloat16 = s.bfloat16});
    });
  }

  void ConvBiasGradient(const ConvShape& s, const float* dy, float* dbias) const override {
    this->launcher().Launch(s.out_channels,
                            ChannelSumBody{s.rows, s.out_channels, s.out_points(), dy, dbias});
  }

 private:
  template <class F>
  void EachChunk(const ConvShape& s, F f) const {
    for (int64_t first = 0; first < s.rows;) {
      const ConvChunk chunk(s, first);
      f(chunk);
      first += chunk.shape.rows;
    }
  }

  template <class Body>
  void Launch(const Body& body) const {
    this->launcher().Launch(body.Blocks(), body);
  }

  // `first`: values before the images.
  void Unfold(const ConvShape& s, const float* x, int64_t first, int64_t stride,
              float* columns) const {
    if (s.bfloat16) {
      Launch(UnfoldBody<uint16_t>(s, reinterpret_cast<const uint16_t*>(x) + first, stride,
                                  reinterpret_cast<uint16_t*>(columns)));
    } else {
      Launch(UnfoldBody<float>(s, x + first, stride, columns));
    }
  }

  // dy of the chunk as [out_channels, stride]: what a window of one point unfolds to.
  void UnfoldOutputs(const ConvChunk& c, const float* dy, float* turned) const {
    const ConvShape points = {.rows = c.shape.rows,
                              .in_channels = c.shape.out_channels,
                              .height = c.shape.out_height(),
                              .width = c.shape.out_width(),
                              .out_channels = c.shape.out_channels,
                              .kernel_height = 1,
                              .kernel_width = 1,
                              .bfloat16 = c.shape.bfloat16};
    Unfold(points, dy, c.first * c.shape.output(), c.stride, turned);
  }
};

}  // namespace paracord
