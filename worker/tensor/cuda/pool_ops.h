// Operations by launching bodies: pools, a thread for each output or, on the way back, each input,
// which asks the windows that it lies in, in their order.
#pragma once

#include <bit>
#include <cstdint>

#include "worker/tensor/cuda/block.h"
#include "worker/tensor/cuda/launched_ops.h"
#include "worker/tensor/cuda/quads.h"
#include "worker/tensor/shapes.h"

namespace paracord {

// Places along one axis that a window [first, end) covers, or windows that cover a place.
struct Reach {
  int64_t first, end;
};

// Of window `out`, inside the image.
PARACORD_HD inline Reach WindowReach(int64_t out, int64_t kernel, int64_t stride, int64_t padding,
                                     int64_t size) {
  const int64_t begin = out * stride - padding, end = begin + kernel;
  return {begin < 0 ? 0 : begin, end < size ? end : size};
}

// Of the windows over `place`, of `windows` in all.
PARACORD_HD inline Reach WindowsOver(int64_t place, int64_t kernel, int64_t stride, int64_t padding,
                                     int64_t windows) {
  const auto at = static_cast<int>(place + padding), step = static_cast<int>(stride);
  const int last = at / step, before = at - static_cast<int>(kernel);
  const int first = before < 0 ? 0 : before / step + 1;
  return {first, last + 1 < windows ? last + 1 : windows};
}

struct PoolBody {
  static constexpr int kThreads = 256;

  // A thread for each value of the planes [height, width].
  PoolBody(const PoolShape& shape, int64_t height, int64_t width)
      : s(shape),
        count(s.rows * s.channels * height * width),
        plane(height * width, count + kThreads),
        line(width, height * width) {}

  PARACORD_HD int64_t points() const { return s.out_height() * s.out_width(); }

  // f(at, plane, row, column).
  template <class Block, class F>
  PARACORD_HD void EachValue(Block& block, F f) const {
    block.Each([&](int thread) {
      const int64_t at = block.x() * kThreads + thread;
      if (at >= count) return;
      const int64_t of = plane.Quotient(at), place = at - of * plane.value();
      const int64_t row = line.Quotient(place);
      f(at, of, row, place - row * line.value());
    });
  }
  // f(place in the plane) for each place of the image in the window of output (i, j).
  template <class F>
  PARACORD_HD void EachInside(int64_t i, int64_t j, F f) const {
    const Reach rows = WindowReach(i, s.kernel_height, s.stride, s.padding, s.height);
    const Reach columns = WindowReach(j, s.kernel_width, s.stride, s.padding, s.width);
    for (int64_t r = rows.first; r < rows.end; ++r) {
      for (int64_t c = columns.first; c < columns.end; ++c) f(r * s.width + c);
    }
  }
  // f(output in the plane) for each window over place (i, j).
  template <class F>
  PARACORD_HD void EachOver(int64_t i, int64_t j, F f) const {
    const Reach rows = WindowsOver(i, s.kernel_height, s.stride, s.padding, s.out_height());
    const Reach columns = WindowsOver(j, s.kernel_width, s.stride, s.padding, s.out_width());
    for (int64_t r = rows.first; r < rows.end; ++r) {
      for (int64_t c = columns.first; c < columns.end; ++c) f(r * s.out_width() + c);
    }
  }

  PoolShape s;
  int64_t count;
  Divisor plane, line;
};

struct MaxPoolBody : PoolBody {
  const float* x;
  float *y, *kept;

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    EachValue(block, [&](int64_t at, int64_t plane, int64_t i, int64_t j) {
      const float* image = x + plane * s.height * s.width;
      float largest = 0;
      int64_t place = -1;
      EachInside(i, j, [&](int64_t from) {
        const float value = image[from];
        // Larger, or the first NaN.
        if (place >= 0 && (value <= largest || largest != largest)) return;
        largest = value;
        place = from;
      });
      y[at] = largest;
      kept[at] = std::bit_cast<float>(static_cast<int32_t>(place));
    });
  }
};

struct MaxPoolBackBody : PoolBody {
  const float *kept, *dy;
  float* dx;

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    EachValue(block, [&](int64_t at, int64_t plane, int64_t i, int64_t j) {
      float sum = 0;
      EachOver(i, j, [&](int64_t out) {
        const int64_t from = plane * points() + out;
        if (std::bit_cast<int32_t>(kept[from]) == i * s.width + j) sum += dy[from];
      });
      dx[at] = sum;
    });
  }
};

struct AvgPoolBody : PoolBody {
  const float* x;
  float* y;

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    EachValue(block, [&](int64_t at, int64_t plane, int64_t i, int64_t j) {
      const float* image = x + plane * s.height * s.width;
      float sum = 0;
      EachInside(i, j, [&](int64_t from) { sum += image[from]; });
      y[at] = sum / static_cast<float>(s.kernel_height * s.kernel_width);
    });
  }
};

struct AvgPoolBackBody : PoolBody {
  const float* dy;
  float* dx;

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    const float factor = 1.0f / static_cast<float>(s.kernel_height * s.kernel_width);
    EachValue(block, [&](int64_t at, int64_t plane, int64_t i, int64_t j) {
      float sum = 0;
      EachOver(i, j, [&](int64_t out) { sum += dy[plane * points() + out] * factor; });
      dx[at] = sum;
    });
  }
};

template <class Base>
class PoolOps : public Base {
 public:
  using Base::Base;

  void MaxPoolForward(const PoolShape& s, const float* x, float* y, float* kept) const override {
    LaunchPool(MaxPoolBody{Outputs(s), x, y, kept});
  }
  void MaxPoolBackward(const PoolShape& s, const float* kept, const float* dy,
                       float* dx) const override {
    LaunchPool(MaxPoolBackBody{Inputs(s), kept, dy, dx});
  }
  void AvgPoolForward(const PoolShape& s, const float* x, float* y) const override {
    LaunchPool(AvgPoolBody{Outputs(s), x, y});
  }
  void AvgPoolBackward(const PoolShape& s, const float* dy, float* dx) const override {
    LaunchPool(AvgPoolBackBody{Inputs(s), dy, dx});
  }

 private:
  static PoolBody Outputs(const PoolShape& s) { return {s, s.out_height(), s.out_width()}; }
  static PoolBody Inputs(const PoolShape& s) { return {s, s.height, s.width}; }
  template <class Body>
  void LaunchPool(const Body& body) const {
    this->launcher().Launch(CeilDivide(body.count, Body::kThreads), body);
  }
};

}  // namespace paracord
