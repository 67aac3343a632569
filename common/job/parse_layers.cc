#include "common/job/parse_layers.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace paracord {

LayersParser::LayersParser(const std::optional<Shape>& input) {
  if (input) builder_.emplace(*input);
}

void LayersParser::ParseList(const ConfigNode& layers, const std::string& prefix) {
  size_t place = 0;
  for (const ConfigNode& item : layers.Items()) {
    ParseItem(item, absl::StrCat(prefix, place++));
  }
  if (layers.faulty()) return LoseShape();
  if (place == 0 && !prefix.empty()) {
    layers.Error("found a list of 0; expected at least one layer");
    LoseShape();
  }
}

void LayersParser::ParseItem(const ConfigNode& item, const std::string& name) {
  const std::vector<std::string> keys = item.Keys();
  if (keys.size() == 1 && keys[0] == "repeat") return ParseRepeat(item.Child(keys[0]), name);
  if (keys.size() == 1 && keys[0] == "residual") return ParseResidual(item.Child(keys[0]), name);
  if (keys.size() == 1 && keys[0] == "concat") return ParseConcat(item.Child(keys[0]), name);
  for (const auto& [word, example] : {std::pair{"repeat", "{repeat: {times: 2, layers: [relu]}}"},
                                      {"residual", "{residual: [relu]}"},
                                      {"concat", "{concat: [[relu], [tanh]]}"}}) {
    if (item.text() != word) continue;
    item.Error(absl::StrCat("found '", word, "' alone; expected its layers too, as in ", example));
    return LoseShape();
  }
  ParseOne(item, name);
}

void LayersParser::ParseRepeat(const ConfigNode& repeat, const std::string& name) {
  const int64_t times = repeat.Integer("times", {1, SpecBuilder::kMostLayers});
  const ConfigNode layers = repeat.Child("layers");
  repeat.Finish();
  if (repeat.Child("times").faulty()) LoseShape();
  for (int64_t copy = 0; copy < times; ++copy) {
    if (builder_) builder_->BeginBlock();
    ParseList(layers, absl::StrCat(name, ".", copy, "."));
    if (!builder_) return;
    builder_->EndBlock();
  }
}

void LayersParser::ParseResidual(const ConfigNode& residual, const std::string& name) {
  const bool is_map = residual.kind() == ConfigNode::Kind::kMap;
  const int32_t input = builder_ ? builder_->at() : kModelInput;
  if (builder_) builder_->BeginBlock();
  ParseList(is_map ? residual.Child("body") : residual, absl::StrCat(name, ".body."));
  const int32_t body = builder_ ? builder_->at() : kModelInput;
  int32_t shortcut = input;
  if (is_map && residual.Has("shortcut")) {
    if (builder_) builder_->GoTo(input);
    ParseList(residual.Child("shortcut"), absl::StrCat(name, ".shortcut."));
    if (builder_) shortcut = builder_->at();
  }
  if (is_map) residual.Finish();
  if (!builder_) return;
  const std::string wrong = builder_->AppendSum(body, shortcut);
  builder_->EndBlock();
  if (wrong.empty()) return;
  residual.Error(wrong);
  LoseShape();
}

void LayersParser::ParseConcat(const ConfigNode& concat, const std::string& name) {
  const int32_t input = builder_ ? builder_->at() : kModelInput;
  int32_t joined = kModelInput;
  size_t branches = 0;
  for (const ConfigNode& branch : concat.Items()) {
    if (builder_) builder_->GoTo(input);
    ParseList(branch, absl::StrCat(name, ".", branches, "."));
    if (builder_ && branches > 0) {
      const std::string wrong = builder_->AppendConcat(joined, builder_->at());
      if (!wrong.empty()) {
        concat.Error(wrong);
        LoseShape();
      }
    }
    if (builder_) joined = builder_->at();
    ++branches;
  }
  if (concat.faulty()) return LoseShape();
  if (branches >= 2) return;
  concat.Error(absl::StrCat("found a list of ", branches, "; expected two branches at least"));
  LoseShape();
}

void LayersParser::ParseOne(const ConfigNode& item, const std::string& place) {
  std::optional<WrittenLayer> layer = ParseLayer(item);
  if (!layer) return LoseShape();
  has_weights_ = has_weights_ || HasWeights(layer->spec.kind);
  TakeName(*layer);
  if (!builder_) return;
  const std::string name = layer->name.empty() ? place : layer->name;
  Connect(item, *std::move(layer), name);
}

void LayersParser::TakeName(const WrittenLayer& layer) {
  if (!layer.tied.empty() && named_.count(layer.tied) == 0) {
    std::vector<std::string> known;
    for (const auto& [name, index] : named_) known.push_back(name);
    layer.settings.Child("tied").Error(absl::StrCat("found '", layer.tied,
                                                    "'; expected the name of an earlier layer",
                                                    DidYouMean(layer.tied, known)));
    LoseShape();
  }
  if (layer.name.empty()) return;
  const auto place = static_cast<uint32_t>(builder_ ? builder_->spec().layers.size() : 0);
  if (named_.emplace(layer.name, place).second) return;
  layer.settings.Child("name").Error(
      absl::StrCat("found '", layer.name, "' a second time; expected each name once"));
  LoseShape();
}

void LayersParser::Connect(const ConfigNode& item, WrittenLayer layer, const std::string& name) {
  if (!layer.tied.empty() && !Tie(&layer)) return LoseShape();
  if (layer.spec.kind == LayerKind::kAttention) return ConnectAttention(item, layer, name);
  Append(item, layer.spec, name);
}

// The weight, [units, inputs], of an earlier linear or of an embedding.
bool LayersParser::Tie(WrittenLayer* layer) const {
  const ModelSpec& spec = builder_->spec();
  const LayerSpec& other = spec.layers[named_.at(layer->tied)];
  const ConfigNode tied = layer->settings.Child("tied");
  const bool has_one = other.kind == LayerKind::kEmbedding || other.kind == LayerKind::kLinear;
  if (!has_one || other.tied != kNotTied) {
    tied.Error(absl::StrCat("found '", layer->tied, "', a layer of the kind ", Name(other.kind),
                            "; expected an embedding or a linear with a weight of its own"));
    return false;
  }
  const Shape& weight = spec.tensors[other.first_tensor].shape;
  if (layer->spec.units == 0) layer->spec.units = weight[0];
  if (weight == Shape{layer->spec.units, builder_->shape().back()}) {
    layer->spec.tied = static_cast<int32_t>(other.first_tensor);
    return true;
  }
  tied.Error(absl::StrCat("found a weight of shape ", ShapeString(weight), "; expected ",
                          ShapeString({layer->spec.units, builder_->shape().back()})));
  return false;
}

// A product before and one after the attention itself, and between them what turns its tokens.
void LayersParser::ConnectAttention(const ConfigNode& item, const WrittenLayer& written,
                                    const std::string& name) {
  LayerSpec attention = written.spec;
  const Shape shape = builder_->shape();
  const int64_t heads = attention.heads;
  if (shape.size() != 2 || shape[1] % heads != 0) {
    item.Error(absl::StrCat("found samples of shape ", ShapeString(shape), " where attention of ",
                            heads, " heads wants tokens, [length, a multiple of ", heads, "]"));
    return LoseShape();
  }
  LayerSpec product;
  product.kind = LayerKind::kLinear;
  product.bias = attention.bias;
  product.units = shape[1] / heads * (heads + 2 * attention.kv_heads);
  if (!Append(item, product, absl::StrCat(name, ".qkv"))) return;
  if (written.rotary) {
    LayerSpec rotary = attention;
    rotary.kind = LayerKind::kRotary;
    if (!Append(item, rotary, "")) return;
  }
  if (!Append(item, attention, "")) return;
  product.units = shape[1];
  Append(item, product, absl::StrCat(name, ".out"));
}

bool LayersParser::Append(const ConfigNode& item, const LayerSpec& layer, const std::string& name) {
  const std::string wrong = builder_->Append(layer, name);
  if (wrong.empty()) return true;
  item.Error(wrong);
  LoseShape();
  return false;
}

}  // namespace paracord
