// CpuOps, attention: products of matrices for each head of each row, 64 queries at a time; under a
// causal mask each such block goes over the keys up to its last query alone.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "common/base/vectorize.h"
#include "worker/tensor/cpu_ops.h"
#include "worker/tensor/fixed_order.h"
#include "worker/tensor/gemm.h"
#include "worker/tensor/vector_math.h"

namespace paracord {
namespace {

constexpr int64_t kBlock = 64;  // queries

// scores[0..seen) become probabilities of scale * score, the rest of the row zeros.
PARACORD_VECTORIZED void SoftmaxRow(int64_t seen, int64_t length, float scale, float* scores) {
  const float largest = LaneMax(scores, seen);
  for (int64_t i = 0; i < seen; ++i) scores[i] = Exp((scores[i] - largest) * scale);
  const float factor = 1.0f / LaneSum<float>(seen, [scores](int64_t i) { return scores[i]; });
  for (int64_t i = 0; i < seen; ++i) scores[i] *= factor;
  for (int64_t i = seen; i < length; ++i) scores[i] = 0.0f;
}

// slopes: of the probabilities p, in, and of the scores, out. p is zero where nothing is seen.
PARACORD_VECTORIZED void SoftmaxRowBack(int64_t keys, float scale, const float* p, float* slopes) {
  const float shared = LaneSum<float>(keys, [=](int64_t i) { return p[i] * slopes[i]; });
  for (int64_t i = 0; i < keys; ++i) slopes[i] = p[i] * (slopes[i] - shared) * scale;
}

// One head of one row: where its parts begin, in units of floats from the tensors' beginnings.
struct Head {
  Head(const AttentionShape& s, int64_t row, int64_t head)
      : query(row * s.length * s.packed() + head * s.head_width),
        key(row * s.length * s.packed() + (s.heads + head / (s.heads / s.kv_heads)) * s.head_width),
        value(key + s.kv_heads * s.head_width),
        output(row * s.length * s.width() + head * s.head_width),
        kept((row * s.heads + head) * s.length * s.length) {}
  int64_t query, key, value, output, kept;
};

// Queries [first, first + count) of a head see no key from `keys` on.
struct Block {
  Block(const AttentionShape& s, int64_t first)
      : first(first),
        count(std::min(kBlock, s.length - first)),
        keys(s.causal ? first + count : s.length) {}
  int64_t first, count, keys;
};

float ScoreScale(const AttentionShape& s) {
  return 1.0f / std::sqrt(static_cast<float>(s.head_width));
}

void BlockForward(const AttentionShape& s, const Head& head, const Block& block, const float* qkv,
                  float* y, float* kept) {
  float* p = kept + head.kept + block.first * s.length;
  MultiplyInto(block.count, block.keys, s.head_width,
               {qkv + head.query + block.first * s.packed(), s.packed()},
               {qkv + head.key, s.packed(), true}, {p, s.length});
  for (int64_t i = 0; i < block.count; ++i) {
    SoftmaxRow(s.causal ? block.first + i + 1 : s.length, s.length, ScoreScale(s),
               p + i * s.length);
  }
  MultiplyInto(block.count, s.head_width, block.keys, {p, s.length}, {qkv + head.value, s.packed()},
               {y + head.output + block.first * s.width(), s.width()});
}

// `add`: keys and values have gradients of other queries already.
void BlockBackward(const AttentionShape& s, const Head& head, const Block& block, bool add,
                   const float* qkv, const float* kept, const float* dy, float* dqkv,
                   float* slopes) {
  const float* p = kept + head.kept + block.first * s.length;
  const int64_t query = head.query + block.first * s.packed();
  const MatrixView out = {dy + head.output + block.first * s.width(), s.width()};
  Multiply(block.count, block.keys, s.head_width, out, {qkv + head.value, s.packed(), true},
           slopes);
  MultiplyInto(block.keys, s.head_width, block.count, {p, s.length, true}, out,
               {dqkv + head.value, s.packed(), add});
  for (int64_t i = 0; i < block.count; ++i) {
    SoftmaxRowBack(block.keys, ScoreScale(s), p + i * s.length, slopes + i * block.keys);
  }
  MultiplyInto(block.count, s.head_width, block.keys, {slopes, block.keys},
               {qkv + head.key, s.packed()}, {dqkv + query, s.packed()});
  MultiplyInto(block.keys, s.head_width, block.count, {slopes, block.keys, true},
               {qkv + query, s.packed()}, {dqkv + head.key, s.packed(), add});
}

}  // namespace

int64_t CpuOps::AttentionScratch(const AttentionShape& shape) const {
  return std::min(kBlock, shape.length) * shape.length;
}

void CpuOps::AttentionForward(const AttentionShape& shape, const float* qkv, float* y, float* kept,
                              float*) const {
  for (int64_t i = 0; i < shape.rows * shape.heads; ++i) {
    const Head head(shape, i / shape.heads, i % shape.heads);
    for (int64_t first = 0; first < shape.length; first += kBlock) {
      BlockForward(shape, head, Block(shape, first), qkv, y, kept);
    }
  }
}

// The last block comes first: it sees every key, so it overwrites what the others add to.
void CpuOps::AttentionBackward(const AttentionShape& shape, const float* qkv, const float* kept,
                               const float* dy, float* dqkv, float* scratch) const {
  const int64_t group = shape.heads / shape.kv_heads;
  const int64_t last = (shape.length - 1) / kBlock * kBlock;
  for (int64_t i = 0; i < shape.rows * shape.heads; ++i) {
    const Head head(shape, i / shape.heads, i % shape.heads);
    for (int64_t first = last; first >= 0; first -= kBlock) {
      BlockBackward(shape, head, Block(shape, first), first < last || i % group != 0, qkv, kept, dy,
                    dqkv, scratch);
    }
  }
}

}  // namespace paracord
