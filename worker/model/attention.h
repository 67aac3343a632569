// What tokens take from one another: for each head a mean of values, weighted by the softmax of
// query times key. Input: for each token the queries of all heads, then keys and values of the
// kv_heads, as a linear layer makes them. Output: [length, heads * head width].
//
// Rotary turns queries and keys by their token's place before, so that their products depend on the
// distance of two tokens.
//
// Source: Vaswani et al., "Attention Is All You Need", NeurIPS 2017, section 3.2; Ainslie et al.,
// "GQA", EMNLP 2023 (fewer kv_heads than heads); Su et al., "RoFormer", 2021 (rotary).
#pragma once

#include "worker/model/layer.h"

namespace paracord {

class Attention final : public Layer {
 public:
  explicit Attention(const LayerSpec& spec) : Layer(spec) {}

  bool reads_input() const override { return true; }
  int64_t KeptFloats(const Ops& ops, int64_t rows) const override;
  int64_t ScratchFloats(const Ops& ops, int64_t rows) const override;
  void Forward(const ForwardCall& call) const override;
  void Backward(const BackwardCall& call) const override;

 private:
  AttentionShape ShapeOf(int64_t rows) const;
};

class Rotary final : public Layer {
 public:
  explicit Rotary(const LayerSpec& spec) : Layer(spec) {}

  bool works_in_place() const override { return true; }
  absl::Status Prepare(Device& device) override;
  void Forward(const ForwardCall& call) const override;
  void Backward(const BackwardCall& call) const override;

 private:
  void Turn(const Ops& ops, int64_t rows, bool back, const float* from, float* to) const;
  int64_t head_width() const { return spec().input[1] / (spec().heads + 2 * spec().kv_heads); }

  Buffer table_;
};

}  // namespace paracord
