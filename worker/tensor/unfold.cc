#include "worker/tensor/unfold.h"

#include <algorithm>
#include <cstring>

#include "common/base/vectorize.h"
#include "worker/tensor/window.h"

namespace paracord {
namespace {

struct Eight {
  float values[8];
};

using Vec4 = float __attribute__((vector_size(16)));

// Rows are short, a call of memcpy for each would cost more than the copy: whole eights, the last
// one, if there is more than one, over what is there already.
PARACORD_INLINE inline void CopyShort(int64_t count, const float* from, float* to) {
  if (count < 8) {
    for (int64_t i = 0; i < count; ++i) to[i] = from[i];
    return;
  }
  Eight eight;
  for (int64_t i = 0; i + 8 < count; i += 8) {
    std::memcpy(&eight, from + i, sizeof(eight));
    std::memcpy(to + i, &eight, sizeof(eight));
  }
  std::memcpy(&eight, from + count - 8, sizeof(eight));
  std::memcpy(to + count - 8, &eight, sizeof(eight));
}

PARACORD_INLINE inline void AddShort(int64_t count, const float* from, float* to) {
  int64_t i = 0;
  for (; i + 4 <= count; i += 4) {
    Vec4 sum, more;
    std::memcpy(&sum, to + i, sizeof(sum));
    std::memcpy(&more, from + i, sizeof(more));
    sum += more;
    std::memcpy(to + i, &sum, sizeof(sum));
  }
  for (; i < count; ++i) to[i] += from[i];
}

// One row of outputs: what a tap reads of the image's row, which may lie outside (null).
PARACORD_INLINE inline void UnfoldRow(const Span& span, int64_t count, int64_t stride,
                                      const float* row, float* to) {
  const int64_t first = row ? span.first : count, end = row ? span.end : count;
  for (int64_t j = 0; j < first; ++j) to[j] = 0.0f;
  if (stride == 1) {
    if (end > first) CopyShort(end - first, row + span.offset + first, to + first);
  } else {
    for (int64_t j = first; j < end; ++j) to[j] = row[j * stride + span.offset];
  }
  for (int64_t j = end; j < count; ++j) to[j] = 0.0f;
}

PARACORD_INLINE inline void FoldRow(const Span& span, int64_t stride, const float* from,
                                    float* row) {
  if (stride == 1) {
    AddShort(span.end - span.first, from + span.first, row + span.first + span.offset);
  } else {
    for (int64_t j = span.first; j < span.end; ++j) row[j * stride + span.offset] += from[j];
  }
}

// Calls visit(image row, or null in the padding; column row) for each row of outputs of each tap.
template <typename Image, typename Columns, typename Visit>
PARACORD_INLINE inline void VisitRows(const ConvShape& s, int64_t channels, Image* image,
                                      Columns* columns, Visit visit) {
  const int64_t rows = s.out_height(), width = s.out_width();
  for (int64_t c = 0; c < channels; ++c, image += s.in_points()) {
    for (int64_t ki = 0; ki < s.kernel_height; ++ki) {
      for (int64_t kj = 0; kj < s.kernel_width; ++kj) {
        const Span span = SpanInside(s.width, width, s.stride, s.padding, kj);
        for (int64_t i = 0; i < rows; ++i, columns += width) {
          const int64_t at = i * s.stride - s.padding + ki;
          visit(span, at >= 0 && at < s.height ? image + at * s.width : nullptr, columns);
        }
      }
    }
  }
}

// A window that lies inside the image. kTaps: its width, if that is known here, else 0: then a row
// is copied as whole fours, whose last floats the next row overwrites, where neither reads nor
// writes go past the ends.
template <int kTaps>
PARACORD_INLINE inline float* CopyWindow(const ConvShape& s, int64_t channels, const float* from,
                                         const float* end, float* to, const float* to_end) {
  constexpr int64_t kCopied = (kTaps + 3) / 4 * 4;
  const int64_t taps = kTaps > 0 ? kTaps : s.kernel_width;
  const int64_t last = (channels - 1) * s.in_points() + (s.kernel_height - 1) * s.width;
  const int64_t floats = channels * s.kernel_height * taps;
  const bool fours = kTaps > 0 && from + last + kCopied <= end && to + floats + kCopied <= to_end;
  for (int64_t c = 0; c < channels; ++c, from += s.in_points()) {
    const float* row = from;
    for (int64_t i = 0; i < s.kernel_height; ++i, row += s.width, to += taps) {
      if (fours) {
        std::memcpy(to, row, kCopied * sizeof(float));
      } else {
        std::copy_n(row, taps, to);
      }
    }
  }
  return to;
}

float* CopyWindowPart(const ConvShape& s, int64_t channels, int64_t top, int64_t left,
                      const float* x, float* to) {
  for (int64_t c = 0; c < channels; ++c, x += s.in_points()) {
    for (int64_t i = top; i < top + s.kernel_height; ++i) {
      for (int64_t j = left; j < left + s.kernel_width; ++j) {
        const bool inside = i >= 0 && i < s.height && j >= 0 && j < s.width;
        *to++ = inside ? x[i * s.width + j] : 0.0f;
      }
    }
  }
  return to;
}

template <int kTaps>
void UnfoldWindows(const ConvShape& s, int64_t channels, const float* x, float* to) {
  const float* end = x + channels * s.in_points();
  const float* to_end = to + s.out_points() * channels * s.kernel_height * s.kernel_width;
  for (int64_t point = 0; point < s.out_points(); ++point) {
    const int64_t top = point / s.out_width() * s.stride - s.padding;
    const int64_t left = point % s.out_width() * s.stride - s.padding;
    const bool whole = top >= 0 && top + s.kernel_height <= s.height && left >= 0 &&
                       left + s.kernel_width <= s.width;
    to = whole ? CopyWindow<kTaps>(s, channels, x + top * s.width + left, end, to, to_end)
               : CopyWindowPart(s, channels, top, left, x, to);
  }
}

// All windows lie inside the image, side by side.
bool AreWhole(const ConvShape& s) { return s.stride == 1 && s.padding == 0; }

// VisitRows for those: visit(floats of a row, image row from its first tap on, column row). kWidth:
// outputs of a row, if that is known here, else 0.
template <int64_t kWidth, typename Image, typename Columns, typename Visit>
PARACORD_INLINE inline void VisitWhole(const ConvShape& s, int64_t channels, Image* image,
                                       Columns* columns, Visit visit) {
  const int64_t rows = s.out_height(), width = kWidth > 0 ? kWidth : s.out_width();
  for (int64_t c = 0; c < channels; ++c, image += s.in_points()) {
    for (int64_t ki = 0; ki < s.kernel_height; ++ki) {
      for (int64_t kj = 0; kj < s.kernel_width; ++kj) {
        Image* row = image + ki * s.width + kj;
        for (int64_t i = 0; i < rows; ++i, row += s.width, columns += width) {
          visit(width, row, columns);
        }
      }
    }
  }
}

template <int64_t kWidth>
void UnfoldWhole(const ConvShape& s, int64_t channels, const float* x, float* columns) {
  VisitWhole<kWidth>(s, channels, x, columns,
                     [](int64_t count, const float* row, float* to)
                         PARACORD_INLINE { CopyShort(count, row, to); });
}

template <int64_t kWidth>
void FoldWhole(const ConvShape& s, int64_t channels, const float* columns, float* dx) {
  VisitWhole<kWidth>(s, channels, dx, columns,
                     [](int64_t count, float* row, const float* from)
                         PARACORD_INLINE { AddShort(count, from, row); });
}

}  // namespace

void UnfoldTaps(const ConvShape& shape, int64_t channels, const float* x, float* columns) {
  const int64_t count = shape.out_width(), stride = shape.stride;
  if (AreWhole(shape)) {
    const bool eight = count == 8;  // LeNet's second
    return eight ? UnfoldWhole<8>(shape, channels, x, columns)
                 : UnfoldWhole<0>(shape, channels, x, columns);
  }
  VisitRows(shape, channels, x, columns,
            [=](const Span& span, const float* row, float* to)
                PARACORD_INLINE { UnfoldRow(span, count, stride, row, to); });
}

void UnfoldPoints(const ConvShape& shape, int64_t channels, const float* x, float* columns) {
  switch (shape.kernel_width) {
    case 1:
      return UnfoldWindows<1>(shape, channels, x, columns);
    case 3:
      return UnfoldWindows<3>(shape, channels, x, columns);
    case 5:
      return UnfoldWindows<5>(shape, channels, x, columns);
    default:
      return UnfoldWindows<0>(shape, channels, x, columns);
  }
}

void FoldTaps(const ConvShape& shape, int64_t channels, const float* columns, float* dx) {
  std::fill_n(dx, channels * shape.in_points(), 0.0f);
  const int64_t stride = shape.stride;
  if (AreWhole(shape)) {
    const bool eight = shape.out_width() == 8;
    return eight ? FoldWhole<8>(shape, channels, columns, dx)
                 : FoldWhole<0>(shape, channels, columns, dx);
  }
  VisitRows(shape, channels, dx, columns,
            [=](const Span& span, float* row, const float* from) PARACORD_INLINE {
              if (row != nullptr) FoldRow(span, stride, from, row);
            });
}

}  // namespace paracord
