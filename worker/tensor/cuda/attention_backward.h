// Attention's way back: the probabilities are computed again from what the way forward kept, the
// log of each query's sum. One kernel for the queries, one for keys and values, so that nothing is
// added by two blocks.
//
// Source: Dao et al., as in attention_forward.h, algorithm 4: the slope of a score is p (dy v - the
// row's dy y).
#pragma once

#include <cstdint>

#include "worker/tensor/cuda/attention_tiles.h"
#include "worker/tensor/vector_math.h"

namespace paracord {

// What both kernels compute: for 64 queries and 64 keys, probabilities and slopes of the scores.
struct AttentionSlopes {
  AttentionFrame frame;
  float scale;
  const float *qkv, *kept, *dy;

  struct Tiles {
    float *queries, *keys, *values, *out_slopes;
    float *sum, *shared;  // of each query: the log of its sum, dy y
    float* quarters;
  };
  static constexpr int64_t kTiles = 4;

  PARACORD_HD static int64_t SharedBytes() {
    return kTiles * SharedSize<float>(kTileFloats) + 2 * SharedSize<float>(kTile) +
           SharedSize<float>(kTileThreads);
  }
  template <class Block>
  PARACORD_HD static Tiles Share(Block& block) {
    const auto tile = [&] { return block.template Shared<float>(kTileFloats); };
    Tiles t;
    t.queries = tile(), t.keys = tile(), t.values = tile(), t.out_slopes = tile();
    t.sum = block.template Shared<float>(kTile), t.shared = block.template Shared<float>(kTile);
    t.quarters = block.template Shared<float>(kTileThreads);
    return t;
  }

  // t.sum and t.shared of the queries from `first` on.
  template <class Block>
  PARACORD_HD void QuerySums(Block& block, const Tiles& t, int64_t row, int64_t head,
                             int64_t first) const {
    const HeadView out = frame.KeptOutput(kept, row, head), slopes = frame.Output(dy, row, head);
    block.Each([&](int thread) {
      const int64_t token = first + thread % kTile;
      float sum = 0;
      for (int64_t i = thread / kTile; token < frame.s.length && i < frame.s.head_width;
           i += kQuarters) {
        sum = MultiplyAdd(out.data[token * out.stride + i], slopes.data[token * slopes.stride + i],
                          sum);
      }
      t.quarters[thread] = sum;
    });
    block.Each([&](int thread) {
      if (thread >= kTile) return;
      float sum = t.quarters[thread];
      for (int i = 1; i < kQuarters; ++i) sum += t.quarters[i * kTile + thread];
      t.shared[thread] = sum;
      const int64_t token = first + thread;
      t.sum[thread] = token < frame.s.length ? kept[frame.Sums(row, head) + token] : 0.0f;
    });
  }

  // p and, in `slopes`, those of the scores. `load_queries`, `load_keys`: these and what belongs to
  // them are not in their tiles yet; where a head is wider than a tile, they never are.
  template <class Block, class Part>
  PARACORD_HD void Compute(Block& block, const Tiles& t, int64_t row, int64_t head, int64_t first,
                           int64_t key, bool load_queries, bool load_keys, Part& p,
                           Part& slopes) const {
    const int64_t kv_head = frame.KvHead(head);
    block.Each([&](int thread) {
      p[thread].Clear();
      slopes[thread].Clear();
    });
    for (int64_t from = 0; from < frame.s.head_width; from += kTile) {
      if (frame.chunks > 1 || load_queries) {
        frame.Query(qkv, row, head).Load(block, first, from, t.queries);
        frame.Output(dy, row, head).Load(block, first, from, t.out_slopes);
      }
      if (frame.chunks > 1 || load_keys) {
        frame.Key(qkv, row, kv_head).Load(block, key, from, t.keys);
        frame.Value(qkv, row, kv_head).Load(block, key, from, t.values);
      }
      block.Each([&](int thread) {
        const int depth = frame.Floats(from);
        AddProduct<false, true>(thread, depth, t.queries, t.keys, p[thread]);
        AddProduct<false, true>(thread, depth, t.out_slopes, t.values, slopes[thread]);
      });
    }
    block.Each([&](int thread) {
      for (int i = 0; i < kTileEach; ++i) {
        const int q = TilePart::Row(thread, i);
        for (int j = 0; j < kTileEach; ++j) {
          const bool seen = first + q < frame.s.length &&
                            frame.Sees(first + q, key + TilePart::Column(thread, j));
          float& probability = p[thread].at[i][j];
          float& slope = slopes[thread].at[i][j];
          probability = seen ? Exp(probability * scale - t.sum[q]) : 0.0f;
          slope = seen ? probability * (slope - t.shared[q]) * scale : 0.0f;
        }
      }
    });
  }

  template <class Block, class Part>
  PARACORD_HD static void Store(Block& block, Part& part, float* tile) {
    block.Each([&](int thread) {
      part[thread].Each(thread, [&](int q, int k, float value) { tile[q * kTileRow + k] = value; });
    });
  }

  // A block's part of a gradient: where `to`, a head of dqkv, has tokens from `token` on.
  template <class Block, class Part>
  PARACORD_HD void Write(Block& block, Part& part, const HeadView& to, float* dqkv, int64_t token,
                         int64_t column) const {
    const int64_t place = to.data - dqkv;
    block.Each([&](int thread) {
      part[thread].Each(thread, [&](int r, int c, float value) {
        if (r >= frame.Tokens(token) || c >= frame.Floats(column)) return;
        dqkv[place + (token + r) * to.stride + column + c] = value;
      });
    });
  }
};

// A block for each row, head, 64 queries and 64 floats of their gradient.
struct QueryGradientBody {
  static constexpr int kThreads = kTileThreads;
  AttentionSlopes slopes;
  float* dqkv;

  int64_t Blocks() const {
    const AttentionFrame& f = slopes.frame;
    return f.s.rows * f.s.heads * f.tiles * f.chunks;
  }
  PARACORD_HD int64_t SharedBytes() const { return AttentionSlopes::SharedBytes(); }

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    using Part = typename Block::template PerThread<TilePart>;
    const AttentionFrame& frame = slopes.frame;
    const AttentionSlopes::Tiles t = AttentionSlopes::Share(block);
    const int64_t column = block.x() % frame.chunks * kTile, rest = block.x() / frame.chunks;
    const int64_t first = (frame.tiles - 1 - rest % frame.tiles) * kTile;
    const int64_t head = rest / frame.tiles % frame.s.heads;
    const int64_t row = rest / frame.tiles / frame.s.heads;
    const int64_t end = frame.s.causal ? first + frame.Tokens(first) : frame.s.length;
    Part sum, p, of_scores;
    block.Each([&](int thread) { sum[thread].Clear(); });
    slopes.QuerySums(block, t, row, head, first);
    for (int64_t key = 0; key < end; key += kTile) {
      slopes.Compute(block, t, row, head, first, key, key == 0, true, p, of_scores);
      AttentionSlopes::Store(block, of_scores, t.values);
      if (frame.chunks > 1) {
        frame.Key(slopes.qkv, row, frame.KvHead(head)).Load(block, key, column, t.keys);
      }
      block.Each([&](int thread) {
        AddProduct<false, false>(thread, frame.Tokens(key), t.values, t.keys, sum[thread]);
      });
    }
    slopes.Write(block, sum, frame.Query(dqkv, row, head), dqkv, first, column);
  }
};

// A block for each row, key head, 64 keys and 64 floats of their and their values' gradient.
struct KeyGradientBody {
  static constexpr int kThreads = kTileThreads;
  AttentionSlopes slopes;
  float* dqkv;

  int64_t Blocks() const {
    const AttentionFrame& f = slopes.frame;
    return f.s.rows * f.s.kv_heads * f.tiles * f.chunks;
  }
  PARACORD_HD int64_t SharedBytes() const {
    return AttentionSlopes::SharedBytes() + SharedSize<float>(kTileFloats);
  }

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    using Part = typename Block::template PerThread<TilePart>;
    const AttentionFrame& frame = slopes.frame;
    const AttentionSlopes::Tiles t = AttentionSlopes::Share(block);
    float* square = block.template Shared<float>(kTileFloats);
    const int64_t column = block.x() % frame.chunks * kTile, rest = block.x() / frame.chunks;
    const int64_t key = rest % frame.tiles * kTile;
    const int64_t kv_head = rest / frame.tiles % frame.s.kv_heads;
    const int64_t row = rest / frame.tiles / frame.s.kv_heads;
    const int64_t group = frame.s.heads / frame.s.kv_heads;
    Part of_keys, of_values, p, of_scores;
    block.Each([&](int thread) {
      of_keys[thread].Clear();
      of_values[thread].Clear();
    });
    bool load_keys = true;
    for (int64_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
      for (int64_t q = frame.s.causal ? key : 0; q < frame.s.length; q += kTile) {
        slopes.QuerySums(block, t, row, head, q);
        slopes.Compute(block, t, row, head, q, key, true, load_keys, p, of_scores);
        load_keys = false;
        if (frame.chunks > 1) {
          frame.Query(slopes.qkv, row, head).Load(block, q, column, t.queries);
          frame.Output(slopes.dy, row, head).Load(block, q, column, t.out_slopes);
        }
        const int depth = frame.Tokens(q);
        AttentionSlopes::Store(block, p, square);
        block.Each([&](int thread) {
          AddProduct<true, false>(thread, depth, square, t.out_slopes, of_values[thread]);
        });
        AttentionSlopes::Store(block, of_scores, square);
        block.Each([&](int thread) {
          AddProduct<true, false>(thread, depth, square, t.queries, of_keys[thread]);
        });
      }
    }
    slopes.Write(block, of_keys, frame.Key(dqkv, row, kv_head), dqkv, key, column);
    slopes.Write(block, of_values, frame.Value(dqkv, row, kv_head), dqkv, key, column);
  }
};

}  // namespace paracord
