#include "common/job/connect_layer.h"

#include <cmath>
#include <numeric>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/job/whole_floats.h"

namespace paracord {
namespace {

using Tensors = std::vector<TensorSpec>;
constexpr float kTableBound = 0.5f;

TensorSpec Tensor(const char* name, Shape shape, InitializerSpec initializer) {
  TensorSpec tensor;
  tensor.name = name;
  tensor.shape = std::move(shape);
  tensor.initializer = initializer;
  return tensor;
}

TensorSpec Filled(const char* name, int64_t size, InitializerSpec::Kind kind) {
  return Tensor(name, {size}, {kind, 0});
}

InitializerSpec Uniform(int64_t inputs) {
  return {InitializerSpec::Kind::kUniform,
          static_cast<float>(1 / std::sqrt(static_cast<double>(inputs)))};
}

// "found samples of shape [2, 2] where linear wants ...".
std::string Wants(const LayerSpec& layer, const std::string& wanted) {
  return absl::StrCat("found samples of shape ", ShapeString(layer.input), " where ",
                      Name(layer.kind), " wants ", wanted);
}

std::string ConnectLinear(LayerSpec* layer, Tensors* tensors) {
  if (layer->input.size() > 2) {
    return Wants(*layer, "flat ones, [n], or tokens, [length, n]; add flatten before it");
  }
  const int64_t inputs = layer->input.back();
  layer->output = layer->input;
  layer->output.back() = layer->units;
  if (layer->tied == kNotTied) {
    tensors->push_back(Tensor("weight", {layer->units, inputs}, Uniform(inputs)));
  }
  if (layer->bias) tensors->push_back(Tensor("bias", {layer->units}, Uniform(inputs)));
  return "";
}

// Of a window that moves over images; `channels` come out.
std::string MoveWindow(LayerSpec* layer, int64_t channels) {
  if (layer->input.size() != 3) return Wants(*layer, "images, [channels, height, width]");
  layer->output = {channels};
  for (size_t axis = 1; axis < 3; ++axis) {
    const int64_t room = layer->input[axis] + 2 * layer->padding;
    if (room < layer->kernel) {
      return Wants(*layer, absl::StrCat("a height and width of at least ",
                                        layer->kernel - 2 * layer->padding));
    }
    layer->output.push_back((room - layer->kernel) / layer->stride + 1);
  }
  return "";
}

std::string ConnectConv(LayerSpec* layer, Tensors* tensors) {
  const std::string wrong = MoveWindow(layer, layer->units);
  if (!wrong.empty()) return wrong;
  const int64_t channels = layer->input[0];
  if (channels % layer->groups != 0 || layer->units % layer->groups != 0) {
    return absl::StrCat("found ", layer->groups, " groups for ", channels, " channels in and ",
                        layer->units, " out; expected a divisor of both");
  }
  const int64_t own = channels / layer->groups;
  if (static_cast<double>(own) * layer->kernel * layer->kernel > kMostExtent) {
    return absl::StrCat("found a window of ", own, " x ", layer->kernel, " x ", layer->kernel,
                        " values; expected fewer than 2^31");
  }
  const InitializerSpec first = Uniform(own * layer->kernel * layer->kernel);
  tensors->push_back(Tensor("weight", {layer->units, own, layer->kernel, layer->kernel}, first));
  if (layer->bias) tensors->push_back(Tensor("bias", {layer->units}, first));
  return "";
}

std::string ConnectPool(LayerSpec* layer) {
  if (2 * layer->padding > layer->kernel) {
    return absl::StrCat("found a padding of ", layer->padding, " for windows of ", layer->kernel,
                        "; expected at most half of that");
  }
  return layer->input.empty() ? "" : MoveWindow(layer, layer->input[0]);
}

std::string ConnectGlobalPool(LayerSpec* layer) {
  if (layer->input.size() < 2) return Wants(*layer, "[channels, ...]");
  layer->output = {layer->input[0]};
  return "";
}

void AddScale(int64_t size, bool bias, Tensors* tensors) {
  tensors->push_back(Filled("weight", size, InitializerSpec::Kind::kOne));
  if (bias) tensors->push_back(Filled("bias", size, InitializerSpec::Kind::kZero));
}

// Over channels, which come first.
std::string ConnectChannelNorm(LayerSpec* layer, Tensors* tensors) {
  const int64_t channels = layer->input[0];
  if (channels % layer->groups != 0) {
    return absl::StrCat("found ", layer->groups, " groups for ", channels,
                        " channels; expected a divisor");
  }
  AddScale(channels, true, tensors);
  if (layer->kind == LayerKind::kBatchNorm) {
    tensors->push_back(Filled("running_mean", channels, InitializerSpec::Kind::kZero));
    tensors->push_back(Filled("running_var", channels, InitializerSpec::Kind::kOne));
    for (size_t t = 2; t < 4; ++t) (*tensors)[t].kind = TensorKind::kAveraged;
  }
  return "";
}

// Each is one of a flat sample's values, and there once.
std::string CheckColumns(const LayerSpec& layer) {
  if (layer.input.size() != 1) return Wants(layer, "flat ones, [n]; add flatten before it");
  std::set<int64_t> there;
  for (const int64_t column : layer.columns) {
    if (column < 0 || column >= layer.input[0]) {
      return absl::StrCat("found column ", column, "; expected 0 to ", layer.input[0] - 1,
                          ", the values of a sample");
    }
    if (!there.insert(column).second) {
      return absl::StrCat("found column ", column, " twice; expected each once");
    }
  }
  return "";
}

std::string ConnectColumns(LayerSpec* layer) {
  const std::string wrong = CheckColumns(*layer);
  layer->output = {static_cast<int64_t>(layer->columns.size())};
  return wrong;
}

std::string ConnectEmbedding(LayerSpec* layer, Tensors* tensors) {
  if (layer->source != kModelInput) {
    return "found after another layer; expected embedding to be the first: it reads token ids, "
           "the samples themselves";
  }
  const std::string wrong = layer->columns.empty() ? "" : CheckColumns(*layer);
  if (!wrong.empty()) return wrong;
  const size_t parts = layer->vocabularies.size();
  const int64_t read = layer->columns.empty() ? ShapeSize(layer->input)
                                              : static_cast<int64_t>(layer->columns.size());
  if (parts > 0 && static_cast<int64_t>(parts) != read) {
    return absl::StrCat("found ", parts, " vocabularies for ", read,
                        " columns; expected one for each, or a number that all share");
  }
  if (parts > 0) {
    layer->vocabulary =
        std::accumulate(layer->vocabularies.begin(), layer->vocabularies.end(), int64_t{0});
  }
  if (layer->vocabulary > kMostWholeFloat) {
    return absl::StrCat("found ", layer->vocabulary, " ids in all; expected at most ",
                        kMostWholeFloat);
  }
  if (!layer->columns.empty() || parts > 0) layer->output = {read};
  if (layer->sum) layer->output.clear();
  layer->output.push_back(layer->units);
  const InitializerSpec first = {InitializerSpec::Kind::kUniform, kTableBound};
  tensors->push_back(Tensor("weight", {layer->vocabulary, layer->units},
                            layer->sum ? Uniform(layer->vocabulary) : first));
  return "";
}

std::string ConnectConcat(LayerSpec* layer) {
  if (layer->input.size() != 1) return Wants(*layer, "flat ones, [n]");
  layer->output = {layer->input[0] + layer->units};
  return "";
}

std::string ConnectPositions(LayerSpec* layer, Tensors* tensors) {
  if (layer->input.size() != 2) return Wants(*layer, "tokens, [length, width]");
  tensors->push_back(
      Tensor("weight", layer->input, {InitializerSpec::Kind::kUniform, kTableBound}));
  return "";
}

// What is packed for each token: the query of each head, key and value of each kv_head.
std::string CheckHeads(const LayerSpec& layer) {
  const int64_t parts = layer.heads + 2 * layer.kv_heads;
  if (layer.input.size() != 2 || layer.input[1] % parts != 0) {
    return Wants(layer, absl::StrCat("tokens of a multiple of ", parts, " values"));
  }
  if (layer.kind == LayerKind::kRotary && layer.input[1] / parts % 2 != 0) {
    return absl::StrCat("found heads of ", layer.input[1] / parts,
                        " values; expected an even number to turn");
  }
  return "";
}

std::string ConnectAttention(LayerSpec* layer) {
  const std::string wrong = CheckHeads(*layer);
  if (!wrong.empty()) return wrong;
  layer->output[1] = layer->input[1] / (layer->heads + 2 * layer->kv_heads) * layer->heads;
  const double scores = static_cast<double>(layer->heads) * layer->input[0] * layer->input[0];
  if (scores < kMostExtent) return "";
  return absl::StrCat("found ", layer->heads, " heads over ", layer->input[0],
                      " tokens; expected fewer than 2^31 pairs of tokens");
}

std::string ConnectSwiglu(LayerSpec* layer) {
  if (layer->input.back() % 2 != 0) return Wants(*layer, "an even number of values in a row");
  layer->output.back() /= 2;
  return "";
}

// [length, width] to [width, length], an image to a token for each point.
std::string ConnectTranspose(LayerSpec* layer) {
  if (layer->input.size() != 2 && layer->input.size() != 3) {
    return Wants(*layer, "[length, width] or [channels, height, width]");
  }
  layer->output = {ShapeSize(layer->input) / layer->input[0], layer->input[0]};
  return "";
}

}  // namespace

std::string ConnectLayer(LayerSpec* layer, std::vector<TensorSpec>* tensors) {
  layer->output = layer->input;
  switch (layer->kind) {
    case LayerKind::kLinear:
      return ConnectLinear(layer, tensors);
    case LayerKind::kConv2d:
      return ConnectConv(layer, tensors);
    case LayerKind::kMaxPool:
    case LayerKind::kAvgPool:
      return ConnectPool(layer);
    case LayerKind::kGlobalAvgPool:
      return ConnectGlobalPool(layer);
    case LayerKind::kBatchNorm:
    case LayerKind::kGroupNorm:
      return ConnectChannelNorm(layer, tensors);
    case LayerKind::kLayerNorm:
    case LayerKind::kRmsNorm:
      AddScale(layer->input.back(), layer->kind == LayerKind::kLayerNorm && layer->bias, tensors);
      return "";
    case LayerKind::kEmbedding:
      return ConnectEmbedding(layer, tensors);
    case LayerKind::kPositions:
      return ConnectPositions(layer, tensors);
    case LayerKind::kAttention:
      return ConnectAttention(layer);
    case LayerKind::kRotary:
      return CheckHeads(*layer);
    case LayerKind::kSwiglu:
      return ConnectSwiglu(layer);
    case LayerKind::kFlatten:
      layer->output = {ShapeSize(layer->input)};
      return "";
    case LayerKind::kTranspose:
      return ConnectTranspose(layer);
    case LayerKind::kColumns:
      return ConnectColumns(layer);
    case LayerKind::kConcat:
      return ConnectConcat(layer);
    case LayerKind::kRelu:
    case LayerKind::kTanh:
    case LayerKind::kSigmoid:
    case LayerKind::kGelu:
    case LayerKind::kSilu:
    case LayerKind::kDropout:
    case LayerKind::kAdd:
      return "";
  }
  return "";
}

}  // namespace paracord
