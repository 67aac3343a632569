#include "worker/tensor/cpu_ops.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/match.h"
#include "common/base/vectorize.h"
#include "worker/tensor/compute_class.h"
#include "worker/tensor/gemm.h"

namespace paracord {
namespace {

// Rows of one product in LinearForward. At 16 to 96 rows, a multiple of 16, each of oneDNN's
// kernels (SSE4.1 to AVX-512) gives a row of the transpose the same bits whatever its place and the
// number of rows; 64 is the fastest of those.
constexpr int64_t kRowBlock = 64;
constexpr int64_t kRowUnit = 16;
// Of a product whose result lies as it is wanted, AVX-512's kernel does so at 16 to 192 rows.
constexpr int64_t kDirectRows = 192;
constexpr int64_t kDirectOutputs = 16;  // at least, or the transpose is faster

bool HasAvx512() {
  static const bool has = absl::StartsWith(CpuComputeClass().isa, "AVX512_CORE");
  return has;
}

int64_t Filled(int64_t rows) { return (rows + kRowUnit - 1) / kRowUnit * kRowUnit; }

// [Filled(rows), inputs]: those rows of x, then zeros.
void FillUp(int64_t rows, int64_t inputs, const float* x, float* filled) {
  std::copy_n(x, rows * inputs, filled);
  std::fill_n(filled + rows * inputs, (Filled(rows) - rows) * inputs, 0.0f);
}

using Vec4 = float __attribute__((vector_size(16)));

Vec4 Load(const float* from) {
  Vec4 v;
  std::memcpy(&v, from, sizeof(v));
  return v;
}

void Store(float* to, Vec4 v) { std::memcpy(to, &v, sizeof(v)); }

// y[r, o] = yt[o, r] + bias[o] for one 4 x 4 tile, of which `rows` rows are written.
void TransposeTile(const float* yt, int64_t stride, Vec4 bias, int64_t rows, float* y,
                   int64_t row) {
  const Vec4 a = Load(yt), b = Load(yt + stride);
  const Vec4 c = Load(yt + 2 * stride), d = Load(yt + 3 * stride);
  const Vec4 ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const Vec4 ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Vec4 cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Vec4 cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  Store(y, __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5) + bias);
  if (rows > 1) Store(y + row, __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7) + bias);
  if (rows > 2) {
    Store(y + 2 * row, __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5) + bias);
  }
  if (rows > 3) {
    Store(y + 3 * row, __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7) + bias);
  }
}

// y [rows, outputs] = yt^T + bias, yt [outputs, stride], rows of y `row` floats apart. Columns go
// in runs whose part of yt stays in the L1 cache.
void TransposeAndAddBias(int64_t rows, int64_t outputs, const float* yt, int64_t stride,
                         const float* bias, float* y, int64_t row) {
  constexpr int64_t kRun = 256;
  const int64_t whole = outputs / 4 * 4;
  for (int64_t run = 0; run < whole; run += kRun) {
    for (int64_t r = 0; r < rows; r += 4) {
      for (int64_t o = run; o < std::min(run + kRun, whole); o += 4) {
        TransposeTile(yt + o * stride + r, stride, bias ? Load(bias + o) : Vec4{},
                      std::min<int64_t>(4, rows - r), y + r * row + o, row);
      }
    }
  }
  for (int64_t o = whole; o < outputs; ++o) {
    const float b = bias ? bias[o] : 0.0f;
    for (int64_t r = 0; r < rows; ++r) y[r * row + o] = yt[o * stride + r] + b;
  }
}

// y [rows, outputs] = from [rows, outputs] + bias, their rows `row` and `from_row` floats apart.
PARACORD_VECTORIZED void AddBias(int64_t rows, int64_t outputs, const float* from, int64_t from_row,
                                 const float* bias, float* y, int64_t row) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t o = 0; o < outputs; ++o) {
      y[r * row + o] = from[r * from_row + o] + (bias ? bias[o] : 0.0f);
    }
  }
}

// Straight to y, but for fewer rows than the product needs.
void ForwardDirect(const LinearShape& shape, int64_t rows, const float* x, const float* weight,
                   const float* bias, float* y, float* scratch) {
  const MatrixView turned = {weight, shape.inputs, true};
  if (rows >= kRowUnit) {
    MultiplyInto(rows, shape.outputs, shape.inputs, {x, shape.inputs}, turned, {y, shape.row()});
    if (bias != nullptr) AddBias(rows, shape.outputs, y, shape.row(), bias, y, shape.row());
    return;
  }
  float* copy = scratch + kRowUnit * shape.outputs;
  FillUp(rows, shape.inputs, x, copy);
  Multiply(kRowUnit, shape.outputs, shape.inputs, {copy, shape.inputs}, turned, scratch);
  AddBias(rows, shape.outputs, scratch, shape.outputs, bias, y, shape.row());
}

// The transpose of y is computed, then turned while the bias is added: but for AVX-512 oneDNN packs
// weights as they lie much faster than their transpose, above all for few rows.
void ForwardTurned(const LinearShape& shape, int64_t rows, const float* x, const float* weight,
                   const float* bias, float* y, float* scratch) {
  const int64_t filled = Filled(rows);
  if (filled != rows) {
    float* copy = scratch + filled * shape.outputs;
    FillUp(rows, shape.inputs, x, copy);
    x = copy;
  }
  Multiply(shape.outputs, filled, shape.inputs, {weight, shape.inputs}, {x, shape.inputs, true},
           scratch);
  TransposeAndAddBias(rows, shape.outputs, scratch, filled, bias, y, shape.row());
}

PARACORD_VECTORIZED void AddRows(int64_t rows, int64_t columns, int64_t row, const float* from,
                                 float* to) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) to[c] += from[r * row + c];
  }
}

}  // namespace

int64_t CpuOps::LinearScratch(const LinearShape& shape) const {
  return std::min(kRowBlock, Filled(shape.rows)) * (shape.inputs + shape.outputs);
}

void CpuOps::LinearForward(const LinearShape& shape, const float* x, const float* weight,
                           const float* bias, float* y, float* scratch) const {
  const bool direct = HasAvx512() && shape.outputs >= kDirectOutputs;
  const int64_t most = direct ? kDirectRows : kRowBlock;
  for (int64_t first = 0; first < shape.rows; first += most) {
    const int64_t rows = std::min(most, shape.rows - first);
    const float* from = x + first * shape.inputs;
    float* to = y + first * shape.row();
    (direct ? ForwardDirect : ForwardTurned)(shape, rows, from, weight, bias, to, scratch);
  }
}

void CpuOps::LinearInputGradient(const LinearShape& shape, const float* dy, const float* weight,
                                 float* dx) const {
  Multiply(shape.rows, shape.inputs, shape.outputs, {dy, shape.row()}, {weight, shape.inputs}, dx);
}

void CpuOps::LinearWeightGradient(const LinearShape& shape, const float* dy, const float* x,
                                  float* dweight) const {
  Multiply(shape.outputs, shape.inputs, shape.rows, {dy, shape.row(), true}, {x, shape.inputs},
           dweight);
}

void CpuOps::BiasGradient(const LinearShape& shape, const float* dy, float* dbias) const {
  if (shape.rows == 0) return Clear(shape.outputs, dbias);
  std::copy_n(dy, shape.outputs, dbias);  // moved, never added to zeros: -0 stays -0
  AddRows(shape.rows - 1, shape.outputs, shape.row(), dy + shape.row(), dbias);
}

void CpuOps::Clear(int64_t count, float* x) const { std::fill_n(x, count, 0.0f); }

void CpuOps::Copy(int64_t count, const float* x, float* y) const { std::copy_n(x, count, y); }

}  // namespace paracord
