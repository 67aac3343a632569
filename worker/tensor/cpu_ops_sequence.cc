// CpuOps, what moves values of sequences about: copies, turns, embeddings, rotary positions.
#include <algorithm>
#include <cstdint>

#include "common/base/vectorize.h"
#include "worker/tensor/cpu_ops.h"

namespace paracord {
namespace {

constexpr int64_t kTile = 16;  // of a matrix that is turned: a cache line each way

PARACORD_VECTORIZED void AddRow(int64_t width, const float* from, float* to) {
  for (int64_t i = 0; i < width; ++i) to[i] += from[i];
}

// One head of one token; sign -1 turns back.
PARACORD_VECTORIZED void RotateHead(int64_t half, const float* table, float sign, float* x) {
  PARACORD_NO_OVERLAP
  for (int64_t i = 0; i < half; ++i) {
    const float a = x[i], b = x[half + i], cosine = table[i], sine = table[half + i] * sign;
    x[i] = a * cosine - b * sine;
    x[half + i] = a * sine + b * cosine;
  }
}

}  // namespace

void CpuOps::CopyRows(int64_t rows, int64_t columns, const float* x, int64_t x_stride, float* y,
                      int64_t y_stride) const {
  for (int64_t r = 0; r < rows; ++r) std::copy_n(x + r * x_stride, columns, y + r * y_stride);
}

void CpuOps::Transpose(int64_t rows, int64_t height, int64_t width, const float* x,
                       float* y) const {
  for (int64_t r = 0; r < rows; ++r, x += height * width, y += height * width) {
    for (int64_t i = 0; i < height; i += kTile) {
      for (int64_t j = 0; j < width; ++j) {
        for (int64_t k = i; k < std::min(i + kTile, height); ++k)
          y[j * height + k] = x[k * width + j];
      }
    }
  }
}

void CpuOps::EmbeddingForward(int64_t count, int64_t width, const float* ids, const float* table,
                              float* y) const {
  for (int64_t i = 0; i < count; ++i) {
    std::copy_n(table + static_cast<int64_t>(ids[i]) * width, width, y + i * width);
  }
}

void CpuOps::EmbeddingBackward(int64_t count, int64_t vocabulary, int64_t width, const float* ids,
                               const float* dy, float* dtable) const {
  Clear(vocabulary * width, dtable);
  for (int64_t i = 0; i < count; ++i) {
    AddRow(width, dy + i * width, dtable + static_cast<int64_t>(ids[i]) * width);
  }
}

void CpuOps::Rotate(const RotaryShape& s, const float* table, bool back, float* x) const {
  for (int64_t token = 0; token < s.rows * s.length; ++token) {
    const float* angles = table + token % s.length * s.head_width;
    for (int64_t h = 0; h < s.heads; ++h) {
      RotateHead(s.head_width / 2, angles, back ? -1.0f : 1.0f,
                 x + token * s.stride + h * s.head_width);
    }
  }
}

}  // namespace paracord
