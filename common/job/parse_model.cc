#include "common/job/parse_model.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/job/connect_layer.h"
#include "common/job/parse_layers.h"
#include "common/job/parse_loss.h"

namespace paracord {
namespace {

constexpr size_t kMostDimensions = 8;

class ModelParser {
 public:
  explicit ModelParser(const ConfigNode& node) : node_(node) {}

  ParsedModel Parse() {
    const bool has_preset = node_.Has("preset");
    if (!has_preset || node_.Has("input")) ParseInput(node_.Child("input"));
    if (has_preset) {
      ParsePreset(node_.Child("preset"));
    } else {
      ParseLayers(node_.Child("layers"));
    }
    if (has_preset && !node_.Has("loss")) {
      out_.loss_known = out_.expanded.has_value();
      if (out_.expanded) out_.spec.loss = out_.expanded->loss;
    } else {
      out_.loss_known = ParseLoss(node_, &out_.spec);
    }
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

  void ParsePreset(const ConfigNode& preset) {
    if (node_.Has("layers")) {
      node_.Child("layers").Error("found beside preset; expected one of them");
    }
    if (node_.Has("input") && !out_.input_known) return;
    std::optional<ExpandedPreset> expanded = ExpandPreset(preset, shape_);
    if (!expanded) return;
    shape_ = expanded->input;
    out_.spec.input = expanded->input;
    out_.input_known = true;
    const ConfigReader reader(
        absl::StrCat("layers: [", absl::StrJoin(expanded->layers, ",\n"), "]"));
    ParseLayers(reader.root().Child("layers"));
    for (const ConfigError& error : reader.errors()) {
      preset.Error(absl::StrCat("its layers do not fit: ", error.message));
    }
    out_.expanded = std::move(expanded);
  }

  void ParseLayers(const ConfigNode& layers) {
    LayersParser parser(shape_);
    parser.Parse(layers);
    if (!parser.connected()) return;
    if (!parser.has_weights()) {
      return layers.Error(
          "no layer has weights to train; expected one at least, as in {linear: 10}");
    }
    out_.spec = parser.spec();
    out_.output_known = true;
  }

  const ConfigNode& node_;
  ParsedModel out_;
  std::optional<Shape> shape_;  // the model's input
};

}  // namespace

ParsedModel ParseModel(const ConfigNode& model) { return ModelParser(model).Parse(); }

}  // namespace paracord
