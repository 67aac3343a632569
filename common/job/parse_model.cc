#include "common/job/parse_model.h"

#include <cmath>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/job/parse_loss.h"

namespace paracord {
namespace {

constexpr double kMostExtent = 2147483647;             // of one dimension; of a whole sample
constexpr int64_t kMostParameters = int64_t{1} << 40;  // 4 TiB of float32
constexpr size_t kMostDimensions = 8;

constexpr LayerKind kLayers[] = {LayerKind::kLinear,  LayerKind::kRelu, LayerKind::kTanh,
                                 LayerKind::kSigmoid, LayerKind::kGelu, LayerKind::kDropout,
                                 LayerKind::kFlatten};

template <class Kinds>
std::vector<std::string> Names(const Kinds& kinds) {
  std::vector<std::string> names;
  for (const auto kind : kinds) names.push_back(Name(kind));
  return names;
}

class ModelParser {
 public:
  explicit ModelParser(const ConfigNode& node) : node_(node) {}

  ParsedModel Parse() {
    ParseInput(node_.Child("input"));
    ParseLayers(node_.Child("layers"));
    out_.loss_known = ParseLoss(node_, &out_.spec);
    if (out_.loss_known && out_.output_known) CheckLoss(node_.Child("loss"), out_.spec);
    node_.Finish();
    return std::move(out_);
  }

 private:
  void ParseInput(const ConfigNode& input) {
    const std::vector<ConfigNode> items = input.Items();
    if (input.faulty()) return;
    if (items.empty() || items.size() > kMostDimensions) {
      return input.Error(absl::StrCat("found ", input.Found(), "; expected 1 to ", kMostDimensions,
                                      " extents of one sample, as in [784]"));
    }
    Shape shape;
    for (const ConfigNode& item : items) {
      shape.push_back(item.AsInteger({1, kMostExtent}));
      if (item.faulty()) return;
      if (static_cast<double>(ShapeSize(shape)) > kMostExtent) {
        return input.Error("one sample has too many values; expected fewer than 2^31");
      }
    }
    out_.spec.input = shape;
    out_.input_known = true;
    shape_ = shape;
  }

  void ParseLayers(const ConfigNode& layers) {
    bool all_read = true;
    for (const ConfigNode& item : layers.Items()) {
      std::optional<LayerSpec> layer = ParseLayer(item);
      if (layer && shape_ && Connect(item, *layer)) continue;
      all_read = all_read && layer.has_value();
      shape_.reset();
      ++place_;
    }
    out_.output_known = shape_.has_value() && !layers.faulty();
    if (all_read && !layers.faulty() && !weights_) {
      layers.Error("no layer has weights to train; expected one at least, as in {linear: 10}");
      out_.output_known = false;
    }
  }

  // The layer as it is written, without shapes. nullopt: reported.
  std::optional<LayerSpec> ParseLayer(const ConfigNode& item) {
    const std::vector<std::string> keys = item.Keys();
    const bool is_word = item.kind() == ConfigNode::Kind::kScalar;
    if (!is_word && keys.size() != 1) {
      const std::string found =
          keys.empty() ? item.Found() : absl::StrCat("a map of ", keys.size());
      item.Error(
          absl::StrCat("found ", found, "; expected one layer, as in relu or {linear: 512}"));
      return std::nullopt;
    }
    const std::string name = is_word ? item.text() : keys[0];
    for (const LayerKind kind : kLayers) {
      if (name != Name(kind)) continue;
      LayerSpec layer;
      layer.kind = kind;
      if (kind == LayerKind::kLinear) weights_ = true;
      return ParseSettings(item, is_word, &layer) ? std::make_optional(layer) : std::nullopt;
    }
    const std::vector<std::string> names = Names(kLayers);
    item.Error(absl::StrCat("found '", name, "'; expected a layer, one of ",
                            absl::StrJoin(names, ", "), DidYouMean(name, names)));
    return std::nullopt;
  }

  bool ParseSettings(const ConfigNode& item, bool is_word, LayerSpec* layer) {
    const std::string name = Name(layer->kind);
    if (layer->kind == LayerKind::kLinear || layer->kind == LayerKind::kDropout) {
      if (is_word) {
        item.Error(
            absl::StrCat("found '", name, "' alone; expected its size too, as in ",
                         layer->kind == LayerKind::kLinear ? "{linear: 512}" : "{dropout: 0.1}"));
        return false;
      }
      const ConfigNode settings = item.Child(name);
      return layer->kind == LayerKind::kLinear ? ParseLinear(settings, layer)
                                               : ParseDropout(settings, layer);
    }
    if (is_word) return true;
    item.Error(absl::StrCat("found a setting for '", name, "'; expected the word alone"));
    return false;
  }

  // 512, or {units: 512, bias: false}.
  static bool ParseLinear(const ConfigNode& settings, LayerSpec* layer) {
    const bool is_map = settings.kind() == ConfigNode::Kind::kMap;
    const ConfigNode units = is_map ? settings.Child("units") : settings;
    layer->units = units.AsInteger({1, kMostExtent});
    if (is_map) {
      layer->bias = settings.Bool("bias", true);
      settings.Finish();
    }
    return !units.faulty();
  }

  // 0.1, or {rate: 0.1}.
  static bool ParseDropout(const ConfigNode& settings, LayerSpec* layer) {
    const bool is_map = settings.kind() == ConfigNode::Kind::kMap;
    const ConfigNode rate = is_map ? settings.Child("rate") : settings;
    layer->rate = rate.AsNumber({.low = 0, .high = 1, .below_high = true});
    if (is_map) settings.Finish();
    return !rate.faulty();
  }

  // Gives `layer` its place, shapes and tensors. False: it cannot stand here, reported.
  bool Connect(const ConfigNode& item, LayerSpec layer) {
    layer.place = place_;
    layer.input = *shape_;
    layer.output = *shape_;
    layer.first_tensor = static_cast<uint32_t>(out_.spec.tensors.size());
    if (layer.kind == LayerKind::kFlatten) layer.output = {ShapeSize(*shape_)};
    if (layer.kind == LayerKind::kLinear && !ConnectLinear(item, &layer)) return false;
    shape_ = layer.output;
    out_.spec.layers.push_back(std::move(layer));
    ++place_;
    return true;
  }

  bool ConnectLinear(const ConfigNode& item, LayerSpec* layer) {
    if (layer->input.size() != 1) {
      item.Error(absl::StrCat("found samples of shape ", ShapeString(layer->input),
                              " where linear wants a flat one, [n]; add flatten before it"));
      return false;
    }
    const int64_t inputs = layer->input[0];
    parameters_ += inputs * layer->units + (layer->bias ? layer->units : 0);
    if (parameters_ >= kMostParameters) {
      item.Error(absl::StrCat("found ", parameters_,
                              " parameters up to this layer; expected fewer than 2^40"));
      return false;
    }
    layer->output = {layer->units};
    AddTensor("weight", {layer->units, inputs}, inputs);
    if (layer->bias) AddTensor("bias", {layer->units}, inputs);
    layer->tensor_count = layer->bias ? 2 : 1;
    return true;
  }

  void AddTensor(const char* what, Shape shape, int64_t inputs) {
    TensorSpec tensor;
    tensor.name = absl::StrCat(place_, ".", what);
    tensor.shape = std::move(shape);
    tensor.initializer.kind = InitializerSpec::Kind::kUniform;
    tensor.initializer.bound = static_cast<float>(1 / std::sqrt(static_cast<double>(inputs)));
    out_.spec.tensors.push_back(std::move(tensor));
  }

  const ConfigNode& node_;
  ParsedModel out_;
  std::optional<Shape> shape_;  // of what the next layer gets; nullopt after anything that hides it
  int64_t parameters_ = 0;
  uint32_t place_ = 0;
  bool weights_ = false;
};

}  // namespace

ParsedModel ParseModel(const ConfigNode& model) { return ModelParser(model).Parse(); }

}  // namespace paracord
