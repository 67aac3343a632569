// What the kernels of attention stand on: tiles of 64 tokens by 64 floats in a block's shared
// memory, and their products, of which each of the 256 threads holds 4 x 4 values in registers.
// Rows of a tile are 65 floats apart, so that neither its rows nor its columns meet in one bank.
#pragma once

#include <cstdint>

#include "worker/tensor/cuda/block.h"
#include "worker/tensor/shapes.h"

namespace paracord {

inline constexpr int kTile = 64;
inline constexpr int kTileRow = kTile + 1;
inline constexpr int kTileFloats = kTile * kTileRow;
inline constexpr int kTileThreads = 256;
inline constexpr int kTileLanes = 16;                   // threads along a row, and along a column
inline constexpr int kTileEach = kTile / kTileLanes;    // values of a thread along either
inline constexpr int kQuarters = kTileThreads / kTile;  // threads that share a row's sum
inline constexpr int kQuarter = kTile / kQuarters;      // columns of each of those

// a b + c: rounded once on a GPU, where it is one instruction, and twice on the host.
PARACORD_HD inline float MultiplyAdd(float a, float b, float c) {
#ifdef __CUDA_ARCH__
  return __fmaf_rn(a, b, c);
#else
  return a * b + c;
#endif
}

// A thread's part of a tile: rows Row(i), columns Column(j).
struct TilePart {
  float at[kTileEach][kTileEach];

  PARACORD_HD static int Row(int thread, int i) { return thread / kTileLanes + i * kTileLanes; }
  PARACORD_HD static int Column(int thread, int j) { return thread % kTileLanes + j * kTileLanes; }
  PARACORD_HD void Clear() {
    for (auto& row : at) {
      for (float& value : row) value = 0;
    }
  }
  // f(row, column, value) for each.
  template <class F>
  PARACORD_HD void Each(int thread, F f) {
    for (int i = 0; i < kTileEach; ++i) {
      for (int j = 0; j < kTileEach; ++j) f(Row(thread, i), Column(thread, j), at[i][j]);
    }
  }
};

// sum += a b over `depth`, of tiles that are used as they lie or turned.
template <bool kTurnA, bool kTurnB>
PARACORD_HD inline void AddProduct(int thread, int depth, const float* a, const float* b,
                                   TilePart& sum) {
  for (int k = 0; k < depth; ++k) {
    float left[kTileEach], right[kTileEach];
    for (int i = 0; i < kTileEach; ++i) {
      const int row = TilePart::Row(thread, i);
      left[i] = a[kTurnA ? k * kTileRow + row : row * kTileRow + k];
    }
    for (int j = 0; j < kTileEach; ++j) {
      const int column = TilePart::Column(thread, j);
      right[j] = b[kTurnB ? column * kTileRow + k : k * kTileRow + column];
    }
    for (int i = 0; i < kTileEach; ++i) {
      for (int j = 0; j < kTileEach; ++j) {
        sum.at[i][j] = MultiplyAdd(left[i], right[j], sum.at[i][j]);
      }
    }
  }
}

// One head's part of a matrix of tokens: `width` floats from `data` on for each of `length` tokens,
// `stride` apart.
struct HeadView {
  const float* data;
  int64_t stride, length, width;

  // tile = tokens from `token` on, floats from `first` on; 0 outside.
  template <class Block>
  PARACORD_HD void Load(Block& block, int64_t token, int64_t first, float* tile) const {
    block.Each([&](int thread) {
      for (int i = thread; i < kTile * kTile; i += kTileThreads) {
        const int row = i / kTile, column = i % kTile;
        const bool inside = token + row < length && first + column < width;
        tile[row * kTileRow + column] =
            inside ? data[(token + row) * stride + first + column] : 0.0f;
      }
    });
  }
};

// The shape as the kernels see it, and the parts of its tensors.
struct AttentionFrame {
  explicit AttentionFrame(const AttentionShape& shape)
      : s(shape),
        tiles((s.length + kTile - 1) / kTile),
        chunks((s.head_width + kTile - 1) / kTile) {}

  PARACORD_HD HeadView Packed(const float* qkv, int64_t row, int64_t place) const {
    return {qkv + row * s.length * s.packed() + place * s.head_width, s.packed(), s.length,
            s.head_width};
  }
  PARACORD_HD HeadView Query(const float* qkv, int64_t row, int64_t head) const {
    return Packed(qkv, row, head);
  }
  PARACORD_HD HeadView Key(const float* qkv, int64_t row, int64_t kv_head) const {
    return Packed(qkv, row, s.heads + kv_head);
  }
  PARACORD_HD HeadView Value(const float* qkv, int64_t row, int64_t kv_head) const {
    return Packed(qkv, row, s.heads + s.kv_heads + kv_head);
  }
  PARACORD_HD HeadView Output(const float* y, int64_t row, int64_t head) const {
    return {y + row * s.length * s.width() + head * s.head_width, s.width(), s.length,
            s.head_width};
  }
  // Of a row of what is kept: for each head and token the log of the sum of e^score, then y again.
  PARACORD_HD int64_t KeptRow() const { return s.length * (s.heads + s.width()); }
  PARACORD_HD int64_t Sums(int64_t row, int64_t head) const {
    return row * KeptRow() + head * s.length;
  }
  PARACORD_HD HeadView KeptOutput(const float* kept, int64_t row, int64_t head) const {
    return {kept + row * KeptRow() + s.heads * s.length + head * s.head_width, s.width(), s.length,
            s.head_width};
  }
  PARACORD_HD int64_t KvHead(int64_t head) const { return head / (s.heads / s.kv_heads); }
  // Tokens or floats of a tile that begins there.
  PARACORD_HD int Tokens(int64_t token) const { return Part(s.length - token); }
  PARACORD_HD int Floats(int64_t first) const { return Part(s.head_width - first); }
  PARACORD_HD bool Sees(int64_t query, int64_t key) const {
    return key < s.length && (!s.causal || key <= query);
  }
  PARACORD_HD static int Part(int64_t left) {
    return left < kTile ? static_cast<int>(left) : kTile;
  }

  AttentionShape s;
  int64_t tiles, chunks;
};

}  // namespace paracord
