#include "common/job/parse_data.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace paracord {
namespace {

using Format = DatasetSpec::Format;

constexpr Format kFormats[] = {Format::kIdx, Format::kCsv, Format::kLibsvm, Format::kSynthetic};
const char* const kFormatNames[] = {"idx", "csv", "libsvm", "synthetic"};

constexpr Bounds kFeatureBounds = {1, 1 << 24};
constexpr Bounds kSampleBounds = {1, 1e9};
constexpr double kMostValues = 1e10;  // synthetic: samples x features

// A path as the file has it -> absolute.
std::string ReadPath(const ConfigNode& node, const std::string& key, const std::string& directory) {
  const ConfigNode child = node.Child(key);
  const std::string path = child.AsString();
  if (child.faulty()) return "";
  if (path.empty() || std::any_of(path.begin(), path.end(), absl::ascii_iscntrl)) {
    child.Error("found an empty or unprintable path; expected that of a file");
    return "";
  }
  const std::filesystem::path joined = std::filesystem::path(directory) / path;
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(joined, error);
  return (error ? joined : absolute).lexically_normal().string();
}

void ParseSynthetic(const ConfigNode& node, DatasetSpec* data) {
  data->samples = node.Integer("samples", kSampleBounds);
  data->features = node.Integer("features", kFeatureBounds);
  data->classes = node.Integer("classes", 0, {0, 1e6});
  data->noise = node.Number("noise", 0, {0, 1});
  data->seed = static_cast<uint64_t>(node.Integer("seed", 0, {0}));
  if (data->classes == 1) {
    node.Child("classes").Error("found '1'; expected 2 or more classes, or 0 for regression");
  }
  if (static_cast<double>(data->samples) * static_cast<double>(data->features) > kMostValues) {
    node.Child("samples").Error(absl::StrCat("found ", data->samples, " samples of ",
                                             data->features,
                                             " features; expected at most 10^10 values in all"));
  }
}

void CheckFeatures(const ConfigNode& node, const ParsedModel& model, const DatasetSpec& data) {
  const ConfigNode features = node.Child("features");
  const int64_t wanted = ShapeSize(model.spec.input);
  if (!model.input_known || features.faulty() || data.features == wanted) return;
  features.Error(absl::StrCat("found '", data.features, "'; expected ", wanted,
                              ", the values of model.input ", ShapeString(model.spec.input)));
}

// Synthetic labels are what the file says, so a loss that cannot use them is known before any data
// is made.
void CheckLabels(const ConfigNode& node, const ParsedModel& model, const DatasetSpec& data) {
  const ConfigNode classes = node.Child("classes");
  if (!model.loss_known || !model.output_known || classes.faulty()) return;
  const bool softmax = model.spec.loss == LossKind::kSoftmaxCrossEntropy;
  const int64_t outputs = softmax ? model.spec.classes() : ShapeSize(model.spec.output());
  std::string expected;
  if (softmax && model.spec.label_floats() != 1) {
    expected = absl::StrCat("data with ", model.spec.label_floats(),
                            " labels a sample, one a position of the model's output ",
                            ShapeString(model.spec.output()));
  } else if (softmax && (data.classes < 2 || data.classes > outputs)) {
    expected = absl::StrCat("2 to ", outputs, " (model.loss is softmax_cross_entropy over ",
                            outputs, " outputs)");
  } else if (model.spec.loss == LossKind::kBinaryCrossEntropy && data.classes != 2) {
    expected = "2 (model.loss is binary_cross_entropy)";
  } else if (model.spec.loss == LossKind::kMeanSquaredError && outputs != 1) {
    expected = absl::StrCat("a model with 1 output for its one target; it has ", outputs);
  }
  if (!expected.empty())
    classes.Error(absl::StrCat("found '", data.classes, "'; expected ", expected));
}

DatasetSpec ParseDataset(const ConfigNode& node, const std::string& directory,
                         const ParsedModel& model) {
  DatasetSpec data;
  data.line = node.line();
  const auto format = node.Choice("format", {std::begin(kFormatNames), std::end(kFormatNames)});
  if (!format) return data;  // which keys belong here is not known
  data.format = kFormats[*format];
  switch (data.format) {
    case Format::kIdx:
      data.images = ReadPath(node, "images", directory);
      data.labels = ReadPath(node, "labels", directory);
      break;
    case Format::kCsv:
      data.path = ReadPath(node, "path", directory);
      data.label = node.String("label");
      break;
    case Format::kLibsvm:
      data.path = ReadPath(node, "path", directory);
      data.features = node.Integer("features", kFeatureBounds);
      CheckFeatures(node, model, data);
      break;
    case Format::kSynthetic:
      ParseSynthetic(node, &data);
      CheckFeatures(node, model, data);
      CheckLabels(node, model, data);
      break;
  }
  node.Finish();
  return data;
}

}  // namespace

void ParseData(const ConfigNode& data, const std::string& directory, const ParsedModel& model,
               JobSpec* spec) {
  spec->train = ParseDataset(data.Child("train"), directory, model);
  if (data.Has("test")) spec->test = ParseDataset(data.Child("test"), directory, model);
  spec->scale = data.Number("scale", 1, {-1e30, 1e30});
  const ConfigNode scale = data.Child("scale");
  if (spec->scale == 0 && !scale.faulty())
    scale.Error("found '0'; expected a number that leaves something of the features");
  data.Finish();
}

}  // namespace paracord
