// The model section of a job file: layers in order, every shape worked out, every tensor named and
// given its first values.
//
//   input: [784]
//   layers: [{linear: 512}, relu, {dropout: 0.1}, {linear: {units: 10, bias: false}}]
//   loss: softmax_cross_entropy   # see parse_loss.h
//
// or a model by name: `input: [1, 28, 28]` and `preset: lenet`. Layers: parse_layers.h, each of
// them: parse_layer.h, presets: preset.h, first values: connect_layer.h.
#pragma once

#include <optional>
#include <string>

#include "common/base/config.h"
#include "common/job/model_spec.h"
#include "common/job/preset.h"

namespace paracord {

// What could be made of the section; what is wrong with it has been reported at its nodes.
struct ParsedModel {
  ModelSpec spec;
  bool input_known = false;                // spec.input is good
  bool output_known = false;               // so are all layers, and spec.output()
  bool loss_known = false;                 // spec.loss is good in itself
  std::optional<ExpandedPreset> expanded;  // of a model by name
};

ParsedModel ParseModel(const ConfigNode& model);

// The model section of a good job file, `text`, with a preset's layers written out, as YAML: each
// layer on a line of its own.
std::string ExpandModel(const std::string& text);

}  // namespace paracord
