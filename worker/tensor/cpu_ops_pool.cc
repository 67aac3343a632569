// CpuOps, pooling: a window's taps one after another, each over a whole row of outputs.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "common/base/vectorize.h"
#include "worker/tensor/cpu_ops.h"
#include "worker/tensor/fixed_order.h"
#include "worker/tensor/window.h"

namespace paracord {
namespace {

// Which value of its plane an output is, as bits: a float's place holds it, no number to compute
// with.
float KeptPlace(int64_t place) { return std::bit_cast<float>(static_cast<int32_t>(place)); }

template <int kStride>
PARACORD_INLINE inline void TakeLarger(const Span& span, int64_t stride, const float* x,
                                       int64_t row, float* y, float* kept) {
  const int64_t step = kStride > 0 ? kStride : stride;
  const float* from = x + row + span.offset;
  const auto place = static_cast<int32_t>(row + span.offset);
  PARACORD_NO_OVERLAP
  for (int64_t j = span.first; j < span.end; ++j) {
    const float value = from[j * step], so_far = y[j];
    const int32_t before = std::bit_cast<int32_t>(kept[j]);
    const int32_t now = place + static_cast<int32_t>(j * step);
    const bool taken = !(value <= so_far) & (so_far == so_far);  // larger, or the first NaN
    y[j] = taken ? value : so_far;
    kept[j] = std::bit_cast<float>(taken ? now : before);
  }
}

// One tap over one row of outputs; `row` is where the image's row begins in x.
PARACORD_VECTORIZED void TakeLargerRow(const Span& span, int64_t stride, const float* x,
                                       int64_t row, float* y, float* kept) {
  if (stride == 1) return TakeLarger<1>(span, stride, x, row, y, kept);
  if (stride == 2) return TakeLarger<2>(span, stride, x, row, y, kept);
  TakeLarger<0>(span, stride, x, row, y, kept);
}

// Four neighbours at a time: vectors of SSE, which every host has.
using Vec4 = float __attribute__((vector_size(16)));
using Int4 = int32_t __attribute__((vector_size(16)));

struct Largest4 {
  Vec4 value;
  Int4 place;
};

PARACORD_INLINE inline void Consider(Vec4 value, Int4 place, Largest4& largest) {
  const Int4 taken = ~(value <= largest.value) & (largest.value == largest.value);
  largest.value = taken ? value : largest.value;
  largest.place = taken ? place : largest.place;
}

PARACORD_INLINE inline Vec4 Load(const float* from) {
  Vec4 v;
  std::memcpy(&v, from, sizeof(v));
  return v;
}

// The windows of 2 x 2 side by side over two rows of an image that begin at `row`, whole fours of
// them: `count` outputs.
void TakeLargerOfFour(int64_t count, int64_t width, const float* x, int64_t row, float* y,
                      float* kept) {
  for (int64_t j = 0; j < count; j += 4) {
    const float* from = x + row + 2 * j;
    const Vec4 a = Load(from), b = Load(from + 4), c = Load(from + width),
               d = Load(from + width + 4);
    const auto first = static_cast<int32_t>(row + 2 * j), below = static_cast<int32_t>(width);
    const Int4 place = Int4{0, 2, 4, 6} + first;
    Largest4 largest = {__builtin_shufflevector(a, b, 0, 2, 4, 6), place};
    Consider(__builtin_shufflevector(a, b, 1, 3, 5, 7), place + 1, largest);
    Consider(__builtin_shufflevector(c, d, 0, 2, 4, 6), place + below, largest);
    Consider(__builtin_shufflevector(c, d, 1, 3, 5, 7), place + below + 1, largest);
    std::memcpy(y + j, &largest.value, sizeof(largest.value));
    std::memcpy(kept + j, &largest.place, sizeof(largest.place));
  }
}

PARACORD_VECTORIZED void AddTap(const Span& span, int64_t stride, const float* row, float* y) {
  for (int64_t j = span.first; j < span.end; ++j) y[j] += row[j * stride + span.offset];
}

PARACORD_VECTORIZED void AddTapBack(const Span& span, int64_t stride, float factor, const float* dy,
                                    float* row) {
  for (int64_t j = span.first; j < span.end; ++j) row[j * stride + span.offset] += dy[j] * factor;
}

PARACORD_VECTORIZED void Divide(int64_t count, float divisor, float* y) {
  for (int64_t i = 0; i < count; ++i) y[i] /= divisor;
}

PARACORD_VECTORIZED float PlaneMean(int64_t points, const float* x) {
  return LaneSum<float>(points, [x](int64_t i) { return x[i]; }) / static_cast<float>(points);
}

// Calls visit(span, first value of the image's row, first output of the row) within a plane, for
// each row of outputs tap by tap.
template <typename Visit>
void VisitTaps(const PoolShape& s, Visit visit) {
  const int64_t height = s.out_height(), width = s.out_width();
  for (int64_t i = 0; i < height; ++i) {
    for (int64_t ki = 0; ki < s.kernel_height; ++ki) {
      const int64_t at = i * s.stride - s.padding + ki;
      if (at < 0 || at >= s.height) continue;
      for (int64_t kj = 0; kj < s.kernel_width; ++kj) {
        visit(SpanInside(s.width, width, s.stride, s.padding, kj), at * s.width, i * width);
      }
    }
  }
}

// The first place of each window, to begin with.
void TakeFirst(const PoolShape& s, const float* x, float* y, float* kept) {
  for (int64_t i = 0; i < s.out_height(); ++i) {
    const int64_t top = std::max<int64_t>(0, i * s.stride - s.padding) * s.width;
    for (int64_t j = 0; j < s.out_width(); ++j, ++y, ++kept) {
      const int64_t place = top + std::max<int64_t>(0, j * s.stride - s.padding);
      *y = x[place];
      *kept = KeptPlace(place);
    }
  }
}

void LargestPlane(const PoolShape& s, const float* x, float* y, float* kept) {
  TakeFirst(s, x, y, kept);
  VisitTaps(s, [&](const Span& span, int64_t row, int64_t out) {
    TakeLargerRow(span, s.stride, x, row, y + out, kept + out);
  });
}

void TwoByTwoPlane(const PoolShape& s, const float* x, float* y, float* kept) {
  const int64_t width = s.out_width();
  for (int64_t i = 0; i < s.out_height(); ++i) {
    TakeLargerOfFour(width, s.width, x, 2 * i * s.width, y + i * width, kept + i * width);
  }
}

bool IsGlobal(const PoolShape& s) {
  return s.kernel_height == s.height && s.kernel_width == s.width && s.padding == 0;
}

// The pool that is used most: 5 times as fast as row by row, tap by tap.
bool IsPlainTwoByTwo(const PoolShape& s) {
  return s.kernel_height == 2 && s.kernel_width == 2 && s.stride == 2 && s.padding == 0 &&
         s.out_width() % 4 == 0;
}

float WindowSize(const PoolShape& s) {
  return static_cast<float>(s.kernel_height * s.kernel_width);
}

}  // namespace

void CpuOps::MaxPoolForward(const PoolShape& shape, const float* x, float* y, float* kept) const {
  const int64_t points = shape.out_height() * shape.out_width();
  const auto plane = IsPlainTwoByTwo(shape) ? &TwoByTwoPlane : &LargestPlane;
  for (int64_t i = 0; i < shape.rows * shape.channels; ++i) {
    plane(shape, x + i * shape.height * shape.width, y + i * points, kept + i * points);
  }
}

void CpuOps::MaxPoolBackward(const PoolShape& shape, const float* kept, const float* dy,
                             float* dx) const {
  const int64_t points = shape.out_height() * shape.out_width();
  Clear(shape.rows * shape.input(), dx);
  for (int64_t plane = 0; plane < shape.rows * shape.channels; ++plane) {
    float* image = dx + plane * shape.height * shape.width;
    for (int64_t i = plane * points; i < (plane + 1) * points; ++i) {
      image[std::bit_cast<int32_t>(kept[i])] += dy[i];
    }
  }
}

void CpuOps::AvgPoolForward(const PoolShape& shape, const float* x, float* y) const {
  const int64_t planes = shape.rows * shape.channels, size = shape.height * shape.width;
  if (IsGlobal(shape)) {
    for (int64_t plane = 0; plane < planes; ++plane) y[plane] = PlaneMean(size, x + plane * size);
    return;
  }
  const int64_t points = shape.out_height() * shape.out_width();
  Clear(planes * points, y);
  for (int64_t plane = 0; plane < planes; ++plane) {
    VisitTaps(shape, [&](const Span& span, int64_t row, int64_t out) {
      AddTap(span, shape.stride, x + plane * size + row, y + plane * points + out);
    });
  }
  Divide(planes * points, WindowSize(shape), y);
}

void CpuOps::AvgPoolBackward(const PoolShape& shape, const float* dy, float* dx) const {
  const int64_t planes = shape.rows * shape.channels, size = shape.height * shape.width;
  const float factor = 1.0f / WindowSize(shape);
  if (IsGlobal(shape)) {
    for (int64_t plane = 0; plane < planes; ++plane) {
      std::fill_n(dx + plane * size, size, dy[plane] * factor);
    }
    return;
  }
  const int64_t points = shape.out_height() * shape.out_width();
  Clear(planes * size, dx);
  for (int64_t plane = 0; plane < planes; ++plane) {
    VisitTaps(shape, [&](const Span& span, int64_t row, int64_t out) {
      AddTapBack(span, shape.stride, factor, dy + plane * points + out, dx + plane * size + row);
    });
  }
}

}  // namespace paracord
