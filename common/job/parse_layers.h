// The list of layers of a job file, residuals and repeats written out:
//
//   {residual: [LAYERS]}, or {residual: {body: [LAYERS], shortcut: [LAYERS]}}: the body's output
//   plus the shortcut's, or plus the block's input. The body comes first in the model.
//   {concat: [[LAYERS], [LAYERS]]}: branches that all read the block's input; their outputs, which
//   are flat, one after another.
//   {repeat: {times: 3, layers: [LAYERS]}}: one after another, each with weights of its own.
//
// Each copy of a repeat is a block of layers, as is a residual; of what stands inside of another
// the outer one is.
//
// Tensors are named for their layer's place: "2.weight" is the weight of the third entry of the
// list, "2.body.0.weight" of the first of a residual's body there, "2.1.0.weight" of the first of
// the second copy of a repeat or the second branch of a concat there, "2.qkv.weight" of an
// attention's first product. A layer's own name stands for all of that: "tokens.weight".
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/config.h"
#include "common/job/parse_layer.h"
#include "common/job/spec_builder.h"

namespace paracord {

// What is wrong is reported where it stands. Once a layer cannot be read or connected, shapes are
// no longer known and the rest is only read; of a repeat, that is its first copy. So the work is
// bounded by the text and SpecBuilder::kMostLayers, its depth by the text's.
class LayersParser {
 public:
  // `input`: of the model; nullopt: not known.
  explicit LayersParser(const std::optional<Shape>& input);

  void Parse(const ConfigNode& layers) { ParseList(layers, ""); }

  bool connected() const { return builder_.has_value(); }  // all are good: `spec` is whole
  bool has_weights() const { return has_weights_; }
  const ModelSpec& spec() const { return builder_->spec(); }

 private:
  void ParseList(const ConfigNode& layers, const std::string& prefix);
  void ParseItem(const ConfigNode& item, const std::string& name);
  void ParseRepeat(const ConfigNode& repeat, const std::string& name);
  void ParseResidual(const ConfigNode& residual, const std::string& name);
  void ParseConcat(const ConfigNode& concat, const std::string& name);
  void ParseOne(const ConfigNode& item, const std::string& place);
  void TakeName(const WrittenLayer& layer);
  void Connect(const ConfigNode& item, WrittenLayer layer, const std::string& name);
  void ConnectAttention(const ConfigNode& item, const WrittenLayer& layer, const std::string& name);
  bool Tie(WrittenLayer* layer) const;
  bool Append(const ConfigNode& item, const LayerSpec& layer, const std::string& name);
  void LoseShape() { builder_.reset(); }

  std::optional<SpecBuilder> builder_;  // nullopt after anything that hides a shape
  bool has_weights_ = false;
  std::map<std::string, uint32_t> named_;  // to the index of its layer
};

}  // namespace paracord
