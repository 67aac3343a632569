#include "common/job/parse_loss.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace paracord {
namespace {

constexpr LossKind kLosses[] = {LossKind::kSoftmaxCrossEntropy, LossKind::kMeanSquaredError,
                                LossKind::kBinaryCrossEntropy};
constexpr double kMostWeight = 1e6;

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const LossKind kind : kLosses) names.push_back(Name(kind));
  return names;
}

void ParseClassWeights(const ConfigNode& node, LossSettings* out) {
  if (node.kind() == ConfigNode::Kind::kMissing) return;
  for (const ConfigNode& item : node.Items()) {
    out->class_weights.push_back(item.AsNumber({0, kMostWeight}));
    if (item.faulty()) return out->class_weights.clear();  // how many they are says nothing
  }
  const auto counts = [](double weight) { return weight > 0; };
  if (!node.faulty() && std::none_of(out->class_weights.begin(), out->class_weights.end(), counts))
    node.Error("found no class that counts; expected a weight above 0");
}

void ParseSettings(const ConfigNode& node, LossKind kind, LossSettings* out) {
  switch (kind) {
    case LossKind::kSoftmaxCrossEntropy:
      out->label_smoothing =
          node.Number("label_smoothing", 0, {.low = 0, .high = 1, .below_high = true});
      ParseClassWeights(node.Child("class_weights"), out);
      break;
    case LossKind::kBinaryCrossEntropy:
      out->positive_weight =
          node.Number("positive_weight", 1, {.low = 0, .high = kMostWeight, .above_low = true});
      break;
    case LossKind::kMeanSquaredError:
      break;  // has none: any key is unknown
  }
  node.Finish();
}

// {softmax_cross_entropy: {label_smoothing: 0.1}}
bool ParseLossMap(const ConfigNode& node, ModelSpec* spec) {
  const std::vector<std::string> keys = node.Keys();
  if (keys.size() != 1) {
    node.Error(absl::StrCat("found a map of ", keys.size(),
                            "; expected one loss, as in {softmax_cross_entropy: "
                            "{label_smoothing: 0.1}}"));
    return false;
  }
  const std::vector<std::string> names = Names();
  const auto name = std::find(names.begin(), names.end(), keys[0]);
  const ConfigNode settings = node.Child(keys[0]);
  if (name == names.end()) {
    settings.Error(absl::StrCat("unknown loss; expected one of ", absl::StrJoin(names, ", "),
                                DidYouMean(keys[0], names)));
    return false;
  }
  spec->loss = kLosses[name - names.begin()];
  ParseSettings(settings, spec->loss, &spec->loss_settings);
  return true;
}

void CheckClasses(const ConfigNode& loss, const ModelSpec& spec) {
  const int64_t classes = spec.classes();
  if (classes < 2) {
    loss.Error(absl::StrCat("found a last layer with ", classes,
                            " output; softmax_cross_entropy expects one a class, 2 at least"
                            " (for 1, use binary_cross_entropy)"));
  }
  const size_t weights = spec.loss_settings.class_weights.size();
  if (weights == 0 || weights == static_cast<size_t>(classes)) return;
  const ConfigNode node = loss.Child(Name(spec.loss)).Child("class_weights");
  if (node.faulty()) return;
  node.Error(absl::StrCat("found ", weights, " weights; expected ", classes,
                          ", one for each class of the model's output ",
                          ShapeString(spec.output())));
}

}  // namespace

bool ParseLoss(const ConfigNode& model, ModelSpec* spec) {
  const ConfigNode node = model.Child("loss");
  if (node.kind() == ConfigNode::Kind::kMap) return ParseLossMap(node, spec);
  const auto loss = model.Choice("loss", Names());
  if (loss) spec->loss = kLosses[*loss];
  return loss.has_value();
}

void CheckLoss(const ConfigNode& loss, const ModelSpec& spec) {
  if (spec.loss == LossKind::kSoftmaxCrossEntropy) CheckClasses(loss, spec);
  const int64_t outputs = ShapeSize(spec.output());
  if (spec.loss == LossKind::kBinaryCrossEntropy && outputs != 1) {
    loss.Error(absl::StrCat("found a last layer with ", outputs,
                            " outputs; binary_cross_entropy expects 1 (for more, use"
                            " softmax_cross_entropy)"));
  }
}

}  // namespace paracord
