// Operations by launching bodies, what moves values of sequences about: turns, embeddings, rotary
// positions, swiglu.
#pragma once

#include <cstdint>

#include "worker/tensor/activations.h"
#include "worker/tensor/cuda/block.h"
#include "worker/tensor/cuda/embedding_gradient.h"
#include "worker/tensor/cuda/quads.h"
#include "worker/tensor/ops.h"

namespace paracord {

// A block turns a tile of 32 x 32 in shared memory, so that both sides are accessed along rows.
struct TransposeBody {
  static constexpr int kThreads = 256;
  static constexpr int kTile = 32;
  int64_t height, width, tiles_down, tiles_across;
  const float* x;
  float* y;

  PARACORD_HD int64_t SharedBytes() const { return SharedSize<float>(kTile * (kTile + 1)); }

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    float* tile = block.template Shared<float>(kTile * (kTile + 1));  // one more: no bank twice
    const int64_t row = block.x() / (tiles_down * tiles_across);
    const int64_t top = block.x() / tiles_across % tiles_down * kTile;
    const int64_t left = block.x() % tiles_across * kTile;
    const int64_t first = row * height * width;
    block.Each([&](int thread) {
      const int64_t j = left + thread % kTile;
      for (int i = thread / kTile; i < kTile; i += kThreads / kTile) {
        if (top + i >= height || j >= width) continue;
        tile[i * (kTile + 1) + thread % kTile] = x[first + (top + i) * width + j];
      }
    });
    block.Each([&](int thread) {
      const int64_t j = top + thread % kTile;
      for (int i = thread / kTile; i < kTile; i += kThreads / kTile) {
        if (left + i >= width || j >= height) continue;
        y[first + (left + i) * height + j] = tile[(thread % kTile) * (kTile + 1) + i];
      }
    });
  }
};

struct EmbeddingBody {
  static constexpr int kThreads = RowQuads::kThreads;
  RowQuads quads;
  int64_t width;
  const float *ids, *table;
  float* y;

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    quads.Each(block, [&](int64_t row, int64_t column, int64_t count, bool whole) {
      const float* from = table + static_cast<int64_t>(ids[row]) * width;
      StoreQuad(LoadQuad(from + column, count, whole), count, whole, y + row * width + column);
    });
  }
};

// A thread turns one pair.
struct RotateBody {
  static constexpr int kThreads = 256;
  RotaryShape s;
  Divisor halves, heads, lengths;  // pairs of a head, heads, tokens of a row
  const float* table;
  float sign;
  float* x;

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    const int64_t half = s.head_width / 2;
    block.Each([&](int thread) {
      const int64_t place = block.x() * kThreads + thread;
      if (place >= s.rows * s.length * s.heads * half) return;
      const int64_t head = halves.Quotient(place), i = halves.Rest(place);
      const int64_t token = heads.Quotient(head);
      const float* angles = table + lengths.Rest(token) * s.head_width + i;
      float* at = x + token * s.stride + heads.Rest(head) * s.head_width + i;
      const float a = at[0], b = at[half], cosine = angles[0], sine = angles[half] * sign;
      at[0] = a * cosine - b * sine;
      at[half] = a * sine + b * cosine;
    });
  }
};

struct SwigluBody {
  static constexpr int kThreads = RowQuads::kThreads;
  RowQuads quads;
  int64_t columns;
  const float* x;
  float* y;

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    quads.Each(block, [&](int64_t row, int64_t column, int64_t count, bool whole) {
      const float* from = x + 2 * row * columns + column;
      Quad gate = LoadQuad(from, count, whole);
      const Quad up = LoadQuad(from + columns, count, whole);
      for (int j = 0; j < 4; ++j) gate.v[j] = Silu(gate.v[j]) * up.v[j];
      StoreQuad(gate, count, whole, y + row * columns + column);
    });
  }
};

struct SwigluBackBody {
  static constexpr int kThreads = RowQuads::kThreads;
  RowQuads quads;
  int64_t columns;
  const float *x, *dy;
  float* dx;

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    quads.Each(block, [&](int64_t row, int64_t column, int64_t count, bool whole) {
      const int64_t at = 2 * row * columns + column;
      Quad gate = LoadQuad(x + at, count, whole), up = LoadQuad(x + at + columns, count, whole);
      const Quad slope = LoadQuad(dy + row * columns + column, count, whole);
      for (int j = 0; j < 4; ++j) {
        const float g = gate.v[j], u = up.v[j];
        gate.v[j] = slope.v[j] * SiluSlope(g) * u;
        up.v[j] = slope.v[j] * Silu(g);
      }
      StoreQuad(gate, count, whole, dx + at);
      StoreQuad(up, count, whole, dx + at + columns);
    });
  }
};

template <class Base>
class SequenceOps : public Base {
 public:
  using Base::Base;

  void Transpose(int64_t rows, int64_t height, int64_t width, const float* x,
                 float* y) const override {
    constexpr int64_t kTile = TransposeBody::kTile;
    const int64_t down = (height + kTile - 1) / kTile, across = (width + kTile - 1) / kTile;
    this->launcher().Launch(rows * down * across, TransposeBody{height, width, down, across, x, y});
  }
  void EmbeddingForward(int64_t count, int64_t width, const float* ids, const float* table,
                        float* y) const override {
    const RowQuads quads(count, width, AllAligned({table, y}) && width % 4 == 0);
    this->launcher().Launch(quads.Blocks(), EmbeddingBody{quads, width, ids, table, y});
  }
  void EmbeddingBackward(int64_t count, int64_t vocabulary, int64_t width, const float* ids,
                         const float* dy, float* dtable) const override {
    this->Clear(vocabulary * width, dtable);
    if (count > 0) AddToTable(this->launcher(), count, vocabulary, width, ids, dy, dtable);
  }
  void Rotate(const RotaryShape& s, const float* table, bool back, float* x) const override {
    const int64_t half = s.head_width / 2, pairs = s.rows * s.length * s.heads * half;
    const int64_t limit = pairs + RotateBody::kThreads;
    this->launcher().Launch((pairs + RotateBody::kThreads - 1) / RotateBody::kThreads,
                            RotateBody{s, Divisor(half, limit), Divisor(s.heads, limit),
                                       Divisor(s.length, limit), table, back ? -1.0f : 1.0f, x});
  }
  void SwigluForward(int64_t rows, int64_t columns, const float* x, float* y) const override {
    const RowQuads quads(rows, columns, AllAligned({x, y}) && columns % 4 == 0);
    this->launcher().Launch(quads.Blocks(), SwigluBody{quads, columns, x, y});
  }
  void SwigluBackward(int64_t rows, int64_t columns, const float* x, const float* dy,
                      float* dx) const override {
    const RowQuads quads(rows, columns, AllAligned({x, dy, dx}) && columns % 4 == 0);
    this->launcher().Launch(quads.Blocks(), SwigluBackBody{quads, columns, x, dy, dx});
  }
};

}  // namespace paracord
