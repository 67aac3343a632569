// Attention's way forward without the square matrix: a block takes 64 queries of a head and goes
// over the keys 64 at a time, with each query's largest score and sum so far.
//
// Source: Dao et al., "FlashAttention: Fast and Memory-Efficient Exact Attention with
// IO-Awareness", NeurIPS 2022, algorithm 1; Milakov and Gimelshein, "Online normalizer calculation
// for softmax", 2018.
#pragma once

#include <cstdint>
#include <limits>

#include "worker/tensor/cuda/attention_tiles.h"
#include "worker/tensor/vector_math.h"

namespace paracord {

// A block for each row, head, 64 queries and 64 floats of the output.
struct AttentionBody {
  static constexpr int kThreads = kTileThreads;
  AttentionFrame frame;
  float scale;
  const float* qkv;
  float *y, *kept;

  int64_t Blocks() const { return frame.s.rows * frame.s.heads * frame.tiles * frame.chunks; }
  PARACORD_HD int64_t SharedBytes() const {
    return 3 * SharedSize<float>(kTileFloats) + 4 * SharedSize<float>(kTile) +
           2 * SharedSize<float>(kTileThreads);
  }

  // What the threads of a block share.
  struct Tiles {
    float *queries, *keys, *p;  // keys: later values
    float *largest, *next, *shrink, *sum;
    float *most_of_quarter, *sum_of_quarter;
  };

  template <class Block>
  PARACORD_HD Tiles Share(Block& block) const {
    const auto tile = [&] { return block.template Shared<float>(kTileFloats); };
    const auto row = [&] { return block.template Shared<float>(kTile); };
    const auto quarters = [&] { return block.template Shared<float>(kTileThreads); };
    Tiles t;
    t.queries = tile(), t.keys = tile(), t.p = tile();
    t.largest = row(), t.next = row(), t.shrink = row(), t.sum = row();
    t.most_of_quarter = quarters(), t.sum_of_quarter = quarters();
    return t;
  }

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    using Part = typename Block::template PerThread<TilePart>;
    const Tiles t = Share(block);
    const int64_t chunk = block.x() % frame.chunks, rest = block.x() / frame.chunks;
    const int64_t first = (frame.tiles - 1 - rest % frame.tiles) * kTile;  // the longest first
    const int64_t head = rest / frame.tiles % frame.s.heads;
    const int64_t row = rest / frame.tiles / frame.s.heads;
    const int64_t end = frame.s.causal ? first + frame.Tokens(first) : frame.s.length;
    const HeadView values = frame.Value(qkv, row, frame.KvHead(head));
    Part out, scores;
    block.Each([&](int thread) {
      out[thread].Clear();
      if (thread >= kTile) return;
      t.largest[thread] = -std::numeric_limits<float>::infinity();
      t.sum[thread] = 0;
    });
    for (int64_t key = 0; key < end; key += kTile) {
      Scores(block, t, row, head, first, key, scores);
      Probabilities(block, t);
      values.Load(block, key, chunk * kTile, t.keys);
      block.Each([&](int thread) {
        if (thread < kTile) TakeSums(t, thread);
        out[thread].Each(thread, [&](int query, int, float& value) { value *= t.shrink[query]; });
        AddProduct<false, false>(thread, frame.Tokens(key), t.p, t.keys, out[thread]);
      });
    }
    Write(block, t, row, head, first, chunk * kTile, out);
  }

  // p [query, key] = the scaled scores, -inf where nothing is seen.
  template <class Block, class Part>
  PARACORD_HD void Scores(Block& block, const Tiles& t, int64_t row, int64_t head, int64_t first,
                          int64_t key, Part& scores) const {
    const HeadView queries = frame.Query(qkv, row, head);
    const HeadView keys = frame.Key(qkv, row, frame.KvHead(head));
    block.Each([&](int thread) { scores[thread].Clear(); });
    for (int64_t from = 0; from < frame.s.head_width; from += kTile) {
      if (frame.chunks > 1 || key == 0) queries.Load(block, first, from, t.queries);
      keys.Load(block, key, from, t.keys);
      block.Each([&](int thread) {
        AddProduct<false, true>(thread, frame.Floats(from), t.queries, t.keys, scores[thread]);
      });
    }
    block.Each([&](int thread) {
      scores[thread].Each(thread, [&](int q, int k, float score) {
        t.p[q * kTileRow + k] = frame.Sees(first + q, key + k)
                                    ? score * scale
                                    : -std::numeric_limits<float>::infinity();
      });
    });
  }

  // p = e^(score - the largest so far), with the sums of the quarters of its rows.
  template <class Block>
  PARACORD_HD void Probabilities(Block& block, const Tiles& t) const {
    block.Each([&](int thread) {
      const float* p = t.p + thread % kTile * kTileRow + thread / kTile * kQuarter;
      float most = p[0];
      for (int i = 1; i < kQuarter; ++i) most = Larger()(most, p[i]);
      t.most_of_quarter[thread] = most;
    });
    block.Each([&](int thread) {
      const int query = thread % kTile;
      float* p = t.p + query * kTileRow + thread / kTile * kQuarter;
      float most = t.largest[query], sum = 0;
      for (int i = 0; i < kQuarters; ++i)
        most = Larger()(most, t.most_of_quarter[i * kTile + query]);
      for (int i = 0; i < kQuarter; ++i) sum += p[i] = Exp(p[i] - most);
      t.sum_of_quarter[thread] = sum;
      if (thread >= kTile) return;
      t.shrink[query] = Exp(t.largest[query] - most);
      t.next[query] = most;
    });
  }

  PARACORD_HD void TakeSums(const Tiles& t, int query) const {
    float sum = t.sum[query] * t.shrink[query];
    for (int i = 0; i < kQuarters; ++i) sum += t.sum_of_quarter[i * kTile + query];
    t.sum[query] = sum;
    t.largest[query] = t.next[query];
  }

  template <class Block, class Part>
  PARACORD_HD void Write(Block& block, const Tiles& t, int64_t row, int64_t head, int64_t first,
                         int64_t column, Part& out) const {
    const int64_t place = frame.Output(y, row, head).data - y;
    const int64_t kept_place = frame.KeptOutput(kept, row, head).data - kept;
    block.Each([&](int thread) {
      out[thread].Each(thread, [&](int q, int c, float value) {
        if (q >= frame.Tokens(first) || c >= frame.Floats(column)) return;
        const int64_t at = (first + q) * frame.s.width() + column + c;
        y[place + at] = kept[kept_place + at] = value / t.sum[q];
      });
      if (column != 0 || thread >= frame.Tokens(first)) return;
      kept[frame.Sums(row, head) + first + thread] = t.largest[thread] + Log(t.sum[thread]);
    });
  }
};

}  // namespace paracord
