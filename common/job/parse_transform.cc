#include "common/job/parse_transform.h"

#include "absl/strings/str_cat.h"

namespace paracord {
namespace {

using NodeKind = ConfigNode::Kind;

std::vector<double> ParseNumbers(const ConfigNode& node, const Bounds& bounds) {
  std::vector<double> numbers;
  for (const ConfigNode& item : node.Items()) numbers.push_back(item.AsNumber(bounds));
  return numbers;
}

void ParseNormalize(const ConfigNode& node, TransformSpec* spec) {
  if (node.kind() == NodeKind::kMissing) return;
  spec->mean = ParseNumbers(node.Child("mean"), {-1e30, 1e30});
  spec->deviation = ParseNumbers(node.Child("std"), {1e-30, 1e30});
  const size_t means = spec->mean.size(), deviations = spec->deviation.size();
  const bool good = !node.Child("mean").faulty() && !node.Child("std").faulty();
  if (good && (means != deviations || means == 0)) {
    node.Error(absl::StrCat("found ", means, " numbers in mean and ", deviations,
                            " in std; expected one a channel in both"));
  }
  node.Finish();
}

void ParseAugment(const ConfigNode& node, TransformSpec* spec) {
  if (node.kind() == NodeKind::kMissing) return;
  if (node.Has("flip")) spec->flips = node.Child("flip").AsChoice({"horizontal"}).has_value();
  if (node.Has("crop")) {
    const ConfigNode crop = node.Child("crop");
    spec->crop_padding = crop.Integer("padding", {1, 1024});
    crop.Finish();
  }
  node.Finish();
}

}  // namespace

TransformSpec ParseTransform(const ConfigNode& data) {
  TransformSpec spec;
  ParseNormalize(data.Child("normalize"), &spec);
  ParseAugment(data.Child("augment"), &spec);
  return spec;
}

}  // namespace paracord
