#include "common/job/parse_data.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/job/parse_table.h"
#include "common/job/parse_transform.h"
#include "common/job/whole_floats.h"

namespace paracord {
namespace {

using Format = DatasetSpec::Format;

constexpr Format kFormats[] = {Format::kIdx,  Format::kCsv,   Format::kLibsvm, Format::kSynthetic,
                               Format::kText, Format::kCifar, Format::kImages, Format::kNpy};
const char* const kFormatNames[] = {"idx",  "csv",   "libsvm", "synthetic",
                                    "text", "cifar", "images", "npy"};

constexpr Bounds kFeatureBounds = {1, double{kMostWholeFloat}};
constexpr Bounds kSampleBounds = {1, 1e9};
constexpr double kMostValues = 1e10;  // synthetic: samples x features

// A path as the file has it -> absolute.
std::string AsPath(const ConfigNode& node, const std::string& directory) {
  const std::string path = node.AsString();
  if (node.faulty()) return "";
  if (path.empty() || std::any_of(path.begin(), path.end(), absl::ascii_iscntrl)) {
    node.Error("found an empty or unprintable path; expected that of a file");
    return "";
  }
  const std::filesystem::path joined = std::filesystem::path(directory) / path;
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(joined, error);
  return (error ? joined : absolute).lexically_normal().string();
}

std::string ReadPath(const ConfigNode& node, const std::string& key, const std::string& directory) {
  return AsPath(node.Child(key), directory);
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

// `values`: of a sample, as the key `key` says.
void CheckValues(const ConfigNode& node, const std::string& key, int64_t values,
                 const ParsedModel& model) {
  const ConfigNode child = node.Child(key);
  const int64_t wanted = ShapeSize(model.spec.input);
  if (!model.input_known || child.faulty() || values == wanted) return;
  child.Error(absl::StrCat("found '", values, "'; expected ", wanted,
                           ", the values of model.input ", ShapeString(model.spec.input)));
}

void ParseText(const ConfigNode& node, const std::string& directory, const ParsedModel& model,
               DatasetSpec* data) {
  if (node.Has("vocabulary")) data->vocabulary = ReadPath(node, "vocabulary", directory);
  constexpr Bounds kTokens = {1, 1 << 20};
  data->context = node.Integer("context", kTokens);
  data->stride = node.Integer("stride", std::max<int64_t>(1, data->context), kTokens);
  CheckValues(node, "context", data->context, model);
  if (!node.Has("split")) return;
  const ConfigNode split = node.Child("split");
  data->from = split.Number("from", 0, {0, 1});
  data->to = split.Number("to", 1, {0, 1});
  if (data->from >= data->to && !split.faulty()) {
    split.Error("found nothing between from and to; expected from below to, 0 to 1");
  }
  split.Finish();
}

void ParseCifar(const ConfigNode& node, const std::string& directory, DatasetSpec* data) {
  for (const ConfigNode& item : node.Child("paths").Items()) {
    data->paths.push_back(AsPath(item, directory));
  }
  if (data->paths.empty() && !node.Child("paths").faulty()) {
    node.Child("paths").Error("found an empty list; expected paths of files");
  }
  const auto choice = node.Choice("classes", {"10", "100"});
  data->classes = choice == 1 ? 100 : 10;
}

void ParseImages(const ConfigNode& node, const ParsedModel& model, DatasetSpec* data) {
  constexpr Bounds kExtent = {1, 4096};
  std::vector<int64_t> extents;
  const ConfigNode size = node.Child("size");
  for (const ConfigNode& item : size.Items()) extents.push_back(item.AsInteger(kExtent));
  if (extents.size() != 2 && !size.faulty()) {
    size.Error(absl::StrCat("found ", extents.size(), " numbers; expected [HEIGHT, WIDTH]"));
  }
  extents.resize(2, 1);
  data->height = extents[0];
  data->width = extents[1];
  data->channels = node.Choice("channels", 1, {"1", "3"}) == 0 ? 1 : 3;
  CheckValues(node, "size", data->channels * data->height * data->width, model);
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
                         const ParsedModel& model, const DatasetSpec* train) {
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
      ParseTable(node, train, &data);
      break;
    case Format::kLibsvm:
      data.path = ReadPath(node, "path", directory);
      data.features = node.Integer("features", kFeatureBounds);
      CheckValues(node, "features", data.features, model);
      break;
    case Format::kSynthetic:
      ParseSynthetic(node, &data);
      CheckValues(node, "features", data.features, model);
      CheckLabels(node, model, data);
      break;
    case Format::kText:
      data.path = ReadPath(node, "path", directory);
      ParseText(node, directory, model, &data);
      break;
    case Format::kCifar:
      ParseCifar(node, directory, &data);
      break;
    case Format::kImages:
      data.path = ReadPath(node, "path", directory);
      ParseImages(node, model, &data);
      break;
    case Format::kNpy:
      data.path = ReadPath(node, "features", directory);
      data.labels = ReadPath(node, "labels", directory);
      break;
  }
  if (data.format != Format::kSynthetic && data.format != Format::kText) {
    data.rows = ParseRows(node.Child("rows"));
  }
  node.Finish();
  return data;
}

// Ids mean nothing under another vocabulary.
void CheckVocabulary(const ConfigNode& data, const DatasetSpec& train, const DatasetSpec& test) {
  const bool texts = train.format == Format::kText && test.format == Format::kText;
  if (!texts || data.faulty() || test.vocabulary == train.vocabulary) return;
  const auto shown = [](const std::string& path) {
    return path.empty() ? "none" : absl::StrCat("'", path, "'");
  };
  data.Child("test")
      .Child("vocabulary")
      .Error(absl::StrCat("found ", shown(test.vocabulary), "; expected ", shown(train.vocabulary),
                          ", as of data.train"));
}

bool IsImage(const DatasetSpec& data) {
  return data.format == Format::kIdx || data.format == Format::kCifar ||
         data.format == Format::kImages || data.format == Format::kNpy;
}

// Ids of tokens and words stay what they are.
bool HasIds(const DatasetSpec& data) {
  bool has = data.format == Format::kText;
  for (const ColumnSpec& column : data.table.columns) has = has || column.Ids() > 0;
  return has;
}

bool ReadsIds(const ParsedModel& model) {
  const std::vector<LayerSpec>& layers = model.spec.layers;
  return std::any_of(layers.begin(), layers.end(),
                     [](const LayerSpec& layer) { return layer.kind == LayerKind::kEmbedding; });
}

void CheckTransform(const ConfigNode& data, const ParsedModel& model, const JobSpec& spec) {
  for (const char* key : {"normalize", "augment"}) {
    const ConfigNode node = data.Child(key);
    if (!data.Has(key) || node.faulty() || data.Child("train").faulty()) continue;
    if (!IsImage(spec.train) || (spec.test && !IsImage(*spec.test))) {
      node.Error("found without images; expected data of format idx, cifar, images or npy");
    } else if (ReadsIds(model)) {
      node.Error("found with a model whose embedding reads ids; expected none");
    }
  }
  const ConfigNode scale = data.Child("scale");
  if (scale.faulty()) return;
  if (spec.scale == 0) {
    scale.Error("found '0'; expected a number that leaves something of the features");
  } else if (spec.scale != 1 && (HasIds(spec.train) || (spec.test && HasIds(*spec.test)))) {
    scale.Error("found with ids of text or of categorical columns among the features; expected 1");
  } else if (spec.scale != 1 && ReadsIds(model)) {
    scale.Error("found with a model whose embedding reads ids; expected 1");
  }
}

}  // namespace

void ParseData(const ConfigNode& data, const std::string& directory, const ParsedModel& model,
               JobSpec* spec) {
  spec->train = ParseDataset(data.Child("train"), directory, model, nullptr);
  const bool table = spec->train.format == Format::kCsv;
  if (data.Has("test")) {
    spec->test = ParseDataset(data.Child("test"), directory, model, table ? &spec->train : nullptr);
    CheckVocabulary(data, spec->train, *spec->test);
  }
  spec->scale = data.Number("scale", 1, {-1e30, 1e30});
  spec->transform = ParseTransform(data);
  CheckTransform(data, model, *spec);
  data.Finish();
}

}  // namespace paracord
