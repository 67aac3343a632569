// CpuOps, the part that goes element by element.
#include <cstdint>

#include "common/base/philox.h"
#include "common/base/vectorize.h"
#include "worker/tensor/activations.h"
#include "worker/tensor/cpu_ops.h"

namespace paracord {
namespace {

PARACORD_VECTORIZED void ReluForward(int64_t count, const float* x, float* y) {
  for (int64_t i = 0; i < count; ++i) y[i] = Relu(x[i]);
}
PARACORD_VECTORIZED void TanhForward(int64_t count, const float* x, float* y) {
  for (int64_t i = 0; i < count; ++i) y[i] = Tanh(x[i]);
}
PARACORD_VECTORIZED void SigmoidForward(int64_t count, const float* x, float* y) {
  for (int64_t i = 0; i < count; ++i) y[i] = Sigmoid(x[i]);
}
PARACORD_VECTORIZED void GeluForward(int64_t count, const float* x, float* y) {
  for (int64_t i = 0; i < count; ++i) y[i] = Gelu(x[i]);
}
PARACORD_VECTORIZED void SiluForward(int64_t count, const float* x, float* y) {
  for (int64_t i = 0; i < count; ++i) y[i] = Silu(x[i]);
}

PARACORD_VECTORIZED void ReluBackward(int64_t count, const float* y, const float* dy, float* dx) {
  for (int64_t i = 0; i < count; ++i) dx[i] = ReluBack(y[i], dy[i]);
}
PARACORD_VECTORIZED void TanhBackward(int64_t count, const float* y, const float* dy, float* dx) {
  for (int64_t i = 0; i < count; ++i) dx[i] = TanhBack(y[i], dy[i]);
}
PARACORD_VECTORIZED void SigmoidBackward(int64_t count, const float* y, const float* dy,
                                         float* dx) {
  for (int64_t i = 0; i < count; ++i) dx[i] = SigmoidBack(y[i], dy[i]);
}
PARACORD_VECTORIZED void GeluBackward(int64_t count, const float* x, const float* dy, float* dx) {
  for (int64_t i = 0; i < count; ++i) dx[i] = GeluBack(x[i], dy[i]);
}
PARACORD_VECTORIZED void SiluBackward(int64_t count, const float* x, const float* dy, float* dx) {
  for (int64_t i = 0; i < count; ++i) dx[i] = SiluBack(x[i], dy[i]);
}

PARACORD_VECTORIZED void SwigluRow(int64_t columns, const float* gate, const float* up, float* y) {
  for (int64_t i = 0; i < columns; ++i) y[i] = Silu(gate[i]) * up[i];
}
PARACORD_VECTORIZED void SwigluRowBack(int64_t columns, const float* gate, const float* up,
                                       const float* dy, float* dgate, float* dup) {
  PARACORD_NO_OVERLAP
  for (int64_t i = 0; i < columns; ++i) {
    const float g = gate[i], u = up[i];
    dgate[i] = dy[i] * SiluSlope(g) * u;
    dup[i] = dy[i] * Silu(g);
  }
}

PARACORD_VECTORIZED void AddAll(int64_t count, const float* x, const float* y, float* out) {
  PARACORD_NO_OVERLAP
  for (int64_t i = 0; i < count; ++i) out[i] = x[i] + y[i];
}

PARACORD_VECTORIZED void ScaleAll(int64_t count, float factor, float* x) {
  for (int64_t i = 0; i < count; ++i) x[i] *= factor;
}

PARACORD_VECTORIZED void RoundAll(int64_t count, const float* x, float* y) {
  for (int64_t i = 0; i < count; ++i) y[i] = NearestBfloat16(x[i]);
}

// One row of dropout: element c is kept if word c mod 4 of block c / 4 is at least `threshold`.
PARACORD_VECTORIZED void DropoutRow(uint64_t key, uint64_t step, uint64_t row, uint32_t threshold,
                                    float scale, int64_t columns, const float* x, float* y) {
  const int64_t blocks = columns / 4;
  for (int64_t q = 0; q < blocks; ++q) {
    const PhiloxBlock words = Philox(key, step, (row << 32) | static_cast<uint64_t>(q));
    for (int w = 0; w < 4; ++w) {
      const float value = x[4 * q + w] * scale;
      y[4 * q + w] = (words[w] >> 8) >= threshold ? value : 0.0f;
    }
  }
  const PhiloxBlock words = Philox(key, step, (row << 32) | static_cast<uint64_t>(blocks));
  for (int64_t c = 4 * blocks; c < columns; ++c) {
    y[c] = (words[c % 4] >> 8) >= threshold ? x[c] * scale : 0.0f;
  }
}

}  // namespace

void CpuOps::ActivationForward(Activation kind, int64_t count, const float* x, float* y) const {
  switch (kind) {
    case Activation::kRelu:
      return ReluForward(count, x, y);
    case Activation::kTanh:
      return TanhForward(count, x, y);
    case Activation::kSigmoid:
      return SigmoidForward(count, x, y);
    case Activation::kGelu:
      return GeluForward(count, x, y);
    case Activation::kSilu:
      return SiluForward(count, x, y);
  }
}

void CpuOps::ActivationBackward(Activation kind, int64_t count, const float* kept, const float* dy,
                                float* dx) const {
  switch (kind) {
    case Activation::kRelu:
      return ReluBackward(count, kept, dy, dx);
    case Activation::kTanh:
      return TanhBackward(count, kept, dy, dx);
    case Activation::kSigmoid:
      return SigmoidBackward(count, kept, dy, dx);
    case Activation::kGelu:
      return GeluBackward(count, kept, dy, dx);
    case Activation::kSilu:
      return SiluBackward(count, kept, dy, dx);
  }
}

void CpuOps::SwigluForward(int64_t rows, int64_t columns, const float* x, float* y) const {
  for (int64_t r = 0; r < rows; ++r) {
    const float* gate = x + 2 * r * columns;
    SwigluRow(columns, gate, gate + columns, y + r * columns);
  }
}

void CpuOps::SwigluBackward(int64_t rows, int64_t columns, const float* x, const float* dy,
                            float* dx) const {
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t gate = 2 * r * columns, up = gate + columns;
    SwigluRowBack(columns, x + gate, x + up, dy + r * columns, dx + gate, dx + up);
  }
}

void CpuOps::Add(int64_t count, const float* x, const float* y, float* out) const {
  AddAll(count, x, y, out);
}

void CpuOps::AddToRows(int64_t rows, int64_t columns, const float* x, const float* row,
                       float* y) const {
  for (int64_t r = 0; r < rows; ++r) AddAll(columns, x + r * columns, row, y + r * columns);
}

void CpuOps::Dropout(const DropoutDraw& draw, int64_t rows, int64_t columns, const float* x,
                     float* y) const {
  const uint32_t threshold = DropoutThreshold(draw.rate);
  const float scale = DropoutScale(draw.rate);
  for (int64_t r = 0; r < rows; ++r) {
    DropoutRow(draw.key, draw.step, draw.first_row + static_cast<uint64_t>(r), threshold, scale,
               columns, x + r * columns, y + r * columns);
  }
}

void CpuOps::Scale(int64_t count, float factor, float* x) const { ScaleAll(count, factor, x); }

void CpuOps::RoundToBfloat16(int64_t count, const float* x, float* y) const {
  RoundAll(count, x, y);
}

}  // namespace paracord
