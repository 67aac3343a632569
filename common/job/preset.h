// Models by name: each stands for layers that a person could have written, and is read as if they
// had been; `paracord validate --expand` prints them.
//
//   logistic_regression   alone, or {outputs: 1}: one linear layer; one output is a probability
//   mlp      {hidden: [512, 256], outputs: 10, dropout: 0}
//   lenet    alone, or {classes: 10}: 5 x 5 convolutions of 20 and 50 channels, 500 units
//   resnet   {depth: 14, classes: 10}: depth 14, 18 or 50. 14 has 16, 32 and 64 channels; 18 and 50
//            begin with a 7 x 7 convolution and a pool, images under 64 pixels with a 3 x 3 one
//   gpt      {layers: 4, width: 128, heads: 4, vocabulary: 256, context: 128, dropout: 0};
//            without `context` the model's input is [context]
//   vit      {patch: 4, layers: 6, width: 192, heads: 3, classes: 10, dropout: 0}: the mean of all
//            tokens is classified
//   wide_and_deep   {categories: {1: 301, 2: 24}, crosses: {3: 5001}, width: 8, hidden: [64, 32],
//            outputs: 1, dropout: 0}: for tables. Columns of a sample, counted from 0, and how many
//            ids each has; all others are numbers. See wide_and_deep.h
//
// Source: LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998 (lenet, in
// Caffe's sizes); He et al., "Deep Residual Learning", CVPR 2016 (resnet; all shortcuts that change
// the shape are convolutions); Radford et al., "Language Models are Unsupervised Multitask
// Learners", 2019 (gpt); Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021 (vit).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/config.h"
#include "common/job/model_spec.h"

namespace paracord {

struct ExpandedPreset {
  Shape input;                                     // of the model; what was given, if anything was
  std::vector<std::string> layers;                 // each as YAML, on one line
  LossKind loss = LossKind::kSoftmaxCrossEntropy;  // unless another is given
};

// `input`: the model's, if it is given and good. nullopt: reported.
std::optional<ExpandedPreset> ExpandPreset(const ConfigNode& preset,
                                           const std::optional<Shape>& input);

}  // namespace paracord
