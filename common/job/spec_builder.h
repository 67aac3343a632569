// Puts a ModelSpec together, a layer after another: shapes, tensors, and who reads whose output.
#pragma once

#include <cstdint>
#include <string>

#include "common/job/model_spec.h"

namespace paracord {

class SpecBuilder {
 public:
  static constexpr size_t kMostLayers = 10'000;

  explicit SpecBuilder(Shape input) : shape_(input) { spec_.input = std::move(input); }

  // `layer` has its settings; it reads the output of the one before. `name`: of its tensors, "0"
  // for "0.weight". Returns what is wrong, "" if nothing is; after that the builder is of no use.
  std::string Append(LayerSpec layer, const std::string& name);
  // The sum of two outputs. Wrong: their shapes differ.
  std::string AppendSum(int32_t source, int32_t second);
  // The values of one and then of the other, both flat.
  std::string AppendConcat(int32_t source, int32_t second);

  // The layers up to the end are a block, unless they are inside of one: what a pass may compute
  // again instead of keeping it.
  void BeginBlock() { block_ += depth_++ == 0 ? 1 : 0; }
  void EndBlock() { --depth_; }

  // The layer that the next one will read, or kModelInput; another may be chosen.
  int32_t at() const { return at_; }
  void GoTo(int32_t layer);
  const Shape& shape() const { return shape_; }  // of what it gives

  const ModelSpec& spec() const { return spec_; }

 private:
  std::string CheckSize(const LayerSpec& layer);

  ModelSpec spec_;
  int32_t at_ = kModelInput;
  Shape shape_;
  double parameters_ = 0;
  int32_t block_ = kNoBlock;  // the last that was begun
  int depth_ = 0;             // of blocks in one another
};

}  // namespace paracord
