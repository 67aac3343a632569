// Operations by launching bodies, what goes element by element.
#pragma once

#include <cstdint>

#include "common/base/philox.h"
#include "worker/tensor/activations.h"
#include "worker/tensor/cuda/block.h"
#include "worker/tensor/cuda/column_sums.h"
#include "worker/tensor/cuda/quads.h"
#include "worker/tensor/ops.h"

namespace paracord {

// y[i] = f(x[i]), or f(x[i], other[i]) where `other` is not null; y may be either of them.
template <class F>
struct MapBody {
  static constexpr int kThreads = RowQuads::kThreads;
  RowQuads quads;
  const float *x, *other;
  float* y;
  F f;

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    quads.Each(block, [&](int64_t, int64_t at, int64_t count, bool whole) {
      Quad a = LoadQuad(x + at, count, whole);
      if constexpr (requires { f(0.0f, 0.0f); }) {
        const Quad b = LoadQuad(other + at, count, whole);
        for (int j = 0; j < 4; ++j) a.v[j] = f(a.v[j], b.v[j]);
      } else {
        for (float& value : a.v) value = f(value);
      }
      StoreQuad(a, count, whole, y + at);
    });
  }
};

template <class Launcher, class F>
void Map(const Launcher& launcher, int64_t count, const float* x, const float* other, float* y,
         F f) {
  const RowQuads quads(1, count, AllAligned({x, other, y}));
  launcher.Launch(quads.Blocks(), MapBody<F>{quads, x, other, y, f});
}

template <Activation kKind>
struct Activated {
  PARACORD_HD float operator()(float x) const {
    if constexpr (kKind == Activation::kRelu) return Relu(x);
    if constexpr (kKind == Activation::kTanh) return Tanh(x);
    if constexpr (kKind == Activation::kSigmoid) return Sigmoid(x);
    if constexpr (kKind == Activation::kGelu) return Gelu(x);
    if constexpr (kKind == Activation::kSilu) return Silu(x);
  }
};

template <Activation kKind>
struct ActivatedBack {
  PARACORD_HD float operator()(float kept, float dy) const {
    if constexpr (kKind == Activation::kRelu) return ReluBack(kept, dy);
    if constexpr (kKind == Activation::kTanh) return TanhBack(kept, dy);
    if constexpr (kKind == Activation::kSigmoid) return SigmoidBack(kept, dy);
    if constexpr (kKind == Activation::kGelu) return GeluBack(kept, dy);
    if constexpr (kKind == Activation::kSilu) return SiluBack(kept, dy);
  }
};

// Calls visit(Functor<kind>()).
template <template <Activation> class Functor, class Visit>
void VisitActivation(Activation kind, Visit visit) {
  switch (kind) {
    case Activation::kRelu:
      return visit(Functor<Activation::kRelu>());
    case Activation::kTanh:
      return visit(Functor<Activation::kTanh>());
    case Activation::kSigmoid:
      return visit(Functor<Activation::kSigmoid>());
    case Activation::kGelu:
      return visit(Functor<Activation::kGelu>());
    case Activation::kSilu:
      return visit(Functor<Activation::kSilu>());
  }
}

struct Scaled {
  float factor;
  PARACORD_HD float operator()(float x) const { return x * factor; }
};
struct Rounded {
  PARACORD_HD float operator()(float x) const { return NearestBfloat16(x); }
};
struct Same {
  PARACORD_HD float operator()(float x) const { return x; }
};

struct ClearBody {
  static constexpr int kThreads = RowQuads::kThreads;
  RowQuads quads;
  float* x;

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    quads.Each(block, [&](int64_t, int64_t at, int64_t count, bool whole) {
      StoreQuad(Quad{}, count, whole, x + at);
    });
  }
};

struct DropoutBody {
  static constexpr int kThreads = RowQuads::kThreads;
  RowQuads quads;
  uint64_t key, step, first_row;
  uint32_t threshold;
  float scale;
  int64_t columns;
  const float* x;
  float* y;

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    quads.Each(block, [&](int64_t row, int64_t column, int64_t count, bool whole) {
      const uint64_t place = (first_row + static_cast<uint64_t>(row)) << 32;
      const PhiloxBlock words = Philox(key, step, place | static_cast<uint64_t>(column / 4));
      const int64_t at = row * columns + column;
      Quad quad = LoadQuad(x + at, count, whole);
      for (int j = 0; j < 4; ++j) {
        const float value = quad.v[j] * scale;
        quad.v[j] = (words[static_cast<size_t>(j)] >> 8) >= threshold ? value : 0.0f;
      }
      StoreQuad(quad, count, whole, y + at);
    });
  }
};

struct AddToRowsBody {
  static constexpr int kThreads = RowQuads::kThreads;
  RowQuads quads;
  int64_t columns;
  const float *x, *row;
  float* y;

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    quads.Each(block, [&](int64_t r, int64_t column, int64_t count, bool whole) {
      const int64_t at = r * columns + column;
      Quad sum = LoadQuad(x + at, count, whole);
      const Quad more = LoadQuad(row + column, count, whole);
      for (int j = 0; j < 4; ++j) sum.v[j] += more.v[j];
      StoreQuad(sum, count, whole, y + at);
    });
  }
};

struct CopyRowsBody {
  static constexpr int kThreads = RowQuads::kThreads;
  RowQuads quads;
  const float* x;
  int64_t x_stride;
  float* y;
  int64_t y_stride;

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    quads.Each(block, [&](int64_t row, int64_t column, int64_t count, bool whole) {
      const Quad quad = LoadQuad(x + row * x_stride + column, count, whole);
      StoreQuad(quad, count, whole, y + row * y_stride + column);
    });
  }
};

struct BiasElement {
  const float* dy;
  int64_t stride;
  PARACORD_HD float operator()(int64_t row, int64_t column) const {
    return dy[row * stride + column];
  }
};
template <class Base>
class ElementwiseOps : public Base {
 public:
  using Base::Base;

  void ActivationForward(Activation kind, int64_t count, const float* x, float* y) const override {
    VisitActivation<Activated>(kind,
                               [&](auto f) { Map(this->launcher(), count, x, nullptr, y, f); });
  }
  void ActivationBackward(Activation kind, int64_t count, const float* kept, const float* dy,
                          float* dx) const override {
    VisitActivation<ActivatedBack>(kind,
                                   [&](auto f) { Map(this->launcher(), count, kept, dy, dx, f); });
  }
  void Dropout(const DropoutDraw& draw, int64_t rows, int64_t columns, const float* x,
               float* y) const override {
    const RowQuads quads(rows, columns, AllAligned({x, y}) && columns % 4 == 0);
    this->launcher().Launch(quads.Blocks(), DropoutBody{quads, draw.key, draw.step, draw.first_row,
                                                        DropoutThreshold(draw.rate),
                                                        DropoutScale(draw.rate), columns, x, y});
  }
  void Scale(int64_t count, float factor, float* x) const override {
    Map(this->launcher(), count, x, nullptr, x, Scaled{factor});
  }
  void RoundToBfloat16(int64_t count, const float* x, float* y) const override {
    Map(this->launcher(), count, x, nullptr, y, Rounded());
  }
  void Clear(int64_t count, float* x) const override {
    const RowQuads quads(1, count, AllAligned({x}));
    this->launcher().Launch(quads.Blocks(), ClearBody{quads, x});
  }
  void Copy(int64_t count, const float* x, float* y) const override {
    Map(this->launcher(), count, x, nullptr, y, Same());
  }
  void BiasGradient(const LinearShape& shape, const float* dy, float* dbias) const override {
    if (shape.rows == 0) return Clear(shape.outputs, dbias);
    SumColumns<float>(this->launcher(), shape.rows, shape.outputs, BiasElement{dy, shape.row()},
                      ToPlace{dbias});
  }
  float Read(const float* at) const override {
    float value = 0;
    this->launcher().ReadBack(at, 1, &value);
    return value;
  }
  void Add(int64_t count, const float* x, const float* y, float* out) const override {
    Map(this->launcher(), count, x, y, out, Plus());
  }
  void AddToRows(int64_t rows, int64_t columns, const float* x, const float* row,
                 float* y) const override {
    const RowQuads quads(rows, columns, AllAligned({x, row, y}) && columns % 4 == 0);
    this->launcher().Launch(quads.Blocks(), AddToRowsBody{quads, columns, x, row, y});
  }
  void CopyRows(int64_t rows, int64_t columns, const float* x, int64_t x_stride, float* y,
                int64_t y_stride) const override {
    const bool aligned = AllAligned({x, y}) && x_stride % 4 == 0 && y_stride % 4 == 0;
    const RowQuads quads(rows, columns, aligned);
    this->launcher().Launch(quads.Blocks(), CopyRowsBody{quads, x, x_stride, y, y_stride});
  }
};

}  // namespace paracord
