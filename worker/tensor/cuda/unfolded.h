// Bodies that turn images into matrices and back, so that a convolution over many images is one
// product. The columns of such a matrix are the output points of the images one after the other,
// its rows the taps of a window, channel by channel. Images are float or, packed, uint16_t.
#pragma once

#include <cstdint>

#include "worker/tensor/cuda/block.h"
#include "worker/tensor/cuda/launched_ops.h"
#include "worker/tensor/cuda/quads.h"
#include "worker/tensor/shapes.h"

namespace paracord {

// columns [in_channels * taps, stride]: those of the shape's rows; what lies in the padding is 0.
template <class T>
struct UnfoldBody {
  static constexpr int kThreads = 256;

  UnfoldBody(const ConvShape& shape, const T* x, int64_t stride, T* columns)
      : s(shape),
        points(s.out_points(), s.rows * s.out_points() + kThreads),
        out_width(s.out_width(), s.out_points()),
        tiles(CeilDivide(s.rows * s.out_points(), kThreads)),
        x(x),
        stride(stride),
        columns(columns) {}
  int64_t Blocks() const { return s.in_channels * s.kernel_height * s.kernel_width * tiles; }

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    const int64_t tap = block.x() / tiles, first = block.x() % tiles * kThreads;
    const int64_t c = tap / (s.kernel_height * s.kernel_width);
    const int64_t ki = tap / s.kernel_width % s.kernel_height, kj = tap % s.kernel_width;
    block.Each([&](int thread) {
      const int64_t column = first + thread, row = points.Quotient(column);
      if (row >= s.rows) return;
      const int64_t point = column - row * points.value();
      const int64_t out_row = out_width.Quotient(point);
      const int64_t i = out_row * s.stride - s.padding + ki;
      const int64_t j = (point - out_row * out_width.value()) * s.stride - s.padding + kj;
      const bool inside = i >= 0 && i < s.height && j >= 0 && j < s.width;
      columns[tap * stride + column] =
          inside ? x[((row * s.in_channels + c) * s.height + i) * s.width + j] : T{0};
    });
  }

  ConvShape s;
  Divisor points, out_width;
  int64_t tiles;  // blocks of a tap
  const T* x;
  int64_t stride;
  T* columns;
};

// The way back: x = the sum of the columns that were read from each place, in order of taps.
struct FoldBody {
  static constexpr int kThreads = 256;

  FoldBody(const ConvShape& shape, const float* columns, int64_t stride, float* x)
      : s(shape),
        count(s.rows * s.input()),
        in_points(s.in_points(), count + kThreads),
        width(s.width, s.in_points()),
        columns(columns),
        stride(stride),
        x(x) {}
  int64_t Blocks() const { return CeilDivide(count, kThreads); }

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    block.Each([&](int thread) {
      const int64_t at = block.x() * kThreads + thread;
      if (at >= count) return;
      const int64_t plane = in_points.Quotient(at), point = at - plane * in_points.value();
      const int64_t i = width.Quotient(point), j = point - i * width.value();
      x[at] = PlaceSum(plane / s.in_channels, plane % s.in_channels, i, j);
    });
  }

  // In whole numbers of 32 bits, which a GPU divides fast.
  PARACORD_HD float PlaceSum(int64_t row, int64_t c, int64_t i, int64_t j) const {
    const auto step = static_cast<int>(s.stride), padding = static_cast<int>(s.padding);
    const auto height = static_cast<int>(s.kernel_height), width = static_cast<int>(s.kernel_width);
    const int64_t out_height = s.out_height(), out_width = s.out_width();
    float sum = 0;
    for (int ki = 0; ki < height; ++ki) {
      const int top = static_cast<int>(i) + padding - ki, oi = top / step;
      if (top < 0 || oi * step != top || oi >= out_height) continue;
      for (int kj = 0; kj < width; ++kj) {
        const int left = static_cast<int>(j) + padding - kj, oj = left / step;
        if (left < 0 || oj * step != left || oj >= out_width) continue;
        const int64_t tap = (c * height + ki) * width + kj;
        sum += columns[tap * stride + (row * out_height + oi) * out_width + oj];
      }
    }
    return sum;
  }

  ConvShape s;
  int64_t count;
  Divisor in_points, width;
  const float* columns;
  int64_t stride;
  float* x;
};

// y [rows, channels, points] = turned [channels, stride] + bias [channels], or null.
struct FromColumnsBody {
  static constexpr int kThreads = 256;

  FromColumnsBody(const ConvShape& s, const float* turned, int64_t stride, const float* bias,
                  float* y)
      : count(s.rows * s.output()),
        channels(s.out_channels),
        points(s.out_points(), count + kThreads),
        turned(turned),
        stride(stride),
        bias(bias),
        y(y) {}
  int64_t Blocks() const { return CeilDivide(count, kThreads); }

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    block.Each([&](int thread) {
      const int64_t at = block.x() * kThreads + thread;
      if (at >= count) return;
      const int64_t plane = points.Quotient(at), point = at - plane * points.value();
      const int64_t row = plane / channels, c = plane - row * channels;
      const float value = turned[c * stride + row * points.value() + point];
      y[at] = bias == nullptr ? value : value + bias[c];
    });
  }

  int64_t count, channels;
  Divisor points;
  const float* turned;
  int64_t stride;
  const float* bias;
  float* y;
};

}  // namespace paracord
