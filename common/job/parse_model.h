// The model section of a job file: layers in order, every shape worked out, every tensor named and
// given its first values.
//
//   input: [784]
//   layers: [{linear: 512}, relu, {dropout: 0.1}, {linear: {units: 10, bias: false}}]
//   loss: softmax_cross_entropy   # see parse_loss.h
//
// A linear layer's weight and bias begin uniform in [-1/sqrt(inputs), 1/sqrt(inputs)).
#pragma once

#include "common/base/config.h"
#include "common/job/model_spec.h"

namespace paracord {

// What could be made of the section; what is wrong with it has been reported at its nodes.
struct ParsedModel {
  ModelSpec spec;
  bool input_known = false;   // spec.input is good
  bool output_known = false;  // so are all layers, and spec.output()
  bool loss_known = false;    // spec.loss is good in itself
};

ParsedModel ParseModel(const ConfigNode& model);

}  // namespace paracord
