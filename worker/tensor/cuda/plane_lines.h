// What norms do to an image once they have its sums: each plane (one channel of one row) goes
// through a line of its own.
#pragma once

#include <cstdint>

#include "worker/tensor/cuda/block.h"
#include "worker/tensor/cuda/quads.h"

namespace paracord {

// y = (x - mean) factor + shift; dx = dy factor + shift - (x - mean) slope.
struct Line {
  float mean, factor, shift, slope;
};

// LineOf: Line operator()(plane). kBack: y is dx and there is dy. kSingle: planes of one point; a
// thread then has four of them instead of four points of one.
template <class LineOf, bool kBack, bool kSingle>
struct PlaneBody {
  static constexpr int kThreads = RowQuads::kThreads;
  RowQuads quads;
  int64_t columns;
  LineOf line_of;
  const float *x, *dy;
  float* y;

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    quads.Each(block, [&](int64_t row, int64_t column, int64_t count, bool whole) {
      const int64_t at = row * columns + column;
      Quad value = LoadQuad(x + at, count, whole), slope = {};
      if (kBack) slope = LoadQuad(dy + at, count, whole);
      Line line = {};
      if (!kSingle) line = line_of(row);
      for (int j = 0; j < 4; ++j) {
        if (j >= count) continue;
        if (kSingle) line = line_of(at + j);
        value.v[j] = On(line, value.v[j], slope.v[j]);
      }
      StoreQuad(value, count, whole, y + at);
    });
  }

  PARACORD_HD static float On(const Line& line, float x, float dy) {
    const float off = x - line.mean;
    return kBack ? (dy * line.factor + line.shift) - off * line.slope
                 : off * line.factor + line.shift;
  }
};

template <bool kBack, class Launcher, class LineOf>
void DrawLines(const Launcher& launcher, int64_t planes, int64_t points, LineOf line_of,
               const float* x, const float* dy, float* y) {
  const bool single = points == 1, aligned = AllAligned({x, dy, y});
  const int64_t rows = single ? 1 : planes, columns = single ? planes : points;
  const RowQuads quads(rows, columns, aligned && (rows == 1 || columns % 4 == 0));
  if (single) {
    launcher.Launch(quads.Blocks(),
                    PlaneBody<LineOf, kBack, true>{quads, columns, line_of, x, dy, y});
  } else {
    launcher.Launch(quads.Blocks(),
                    PlaneBody<LineOf, kBack, false>{quads, columns, line_of, x, dy, y});
  }
}

}  // namespace paracord
