#include "worker/data/model_check.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "worker/data/csv.h"
#include "worker/data/sample_transform.h"

namespace paracord {
namespace {

// "line 9: data/train.csv", the data set as the job file names it; of an IDX pair, `idx_file`.
std::string NameInJob(const DatasetSpec& spec, const std::string& idx_file) {
  const std::string line = spec.line > 0 ? absl::StrCat("line ", spec.line, ": ") : "";
  switch (spec.format) {
    case DatasetSpec::Format::kIdx:
      return line + idx_file;
    case DatasetSpec::Format::kSynthetic:
      return line + "synthetic data";
    case DatasetSpec::Format::kCifar:
      return line + (spec.paths.empty() ? "cifar" : spec.paths.front());
    default:
      return line + spec.path;
  }
}

// The columns that embeddings read.
std::vector<IdColumn> IdColumns(const ModelSpec& model) {
  std::vector<IdColumn> columns;
  for (const LayerSpec& layer : model.layers) {
    if (layer.kind != LayerKind::kEmbedding) continue;
    const int64_t count =
        layer.columns.empty() ? ShapeSize(layer.input) : static_cast<int64_t>(layer.columns.size());
    for (int64_t i = 0; i < count; ++i) {
      const auto at = static_cast<size_t>(i);
      columns.push_back({layer.columns.empty() ? i : layer.columns[at],
                         layer.vocabularies.empty() ? layer.vocabulary : layer.vocabularies[at]});
    }
  }
  return columns;
}

// "value 3", of a table "value 3 (column 'origin')".
std::string NameOf(int64_t value, const DatasetSpec& spec) {
  const std::vector<std::string> names = FeatureNames(spec);
  const auto at = static_cast<size_t>(value);
  return absl::StrCat("value ", value, at < names.size() ? " (" + names[at] + ")" : "");
}

// The number in its file, from 0, of the sample that is taken after `before` others.
uint64_t RowOf(uint64_t before, const RowsSpec& rows) {
  uint64_t row = 0;
  while (!rows.Keeps(row) || before-- > 0) ++row;
  return row;
}

// " (0 column 'a', 1 column 'b')", for who has to count them; "" but for tables.
std::string ListOf(const DatasetSpec& spec) {
  constexpr size_t kMostNames = 50;
  std::vector<std::string> names = FeatureNames(spec);
  const bool all = names.size() <= kMostNames;
  if (!all) names.resize(kMostNames);
  for (size_t i = 0; i < names.size(); ++i) names[i] = absl::StrCat(i, " ", names[i]);
  if (names.empty()) return "";
  return absl::StrCat(" (", absl::StrJoin(names, ", "), all ? ")" : ", ...)");
}

// Every token has a row, by CheckVocabulary, if all read the whole table.
bool IdsAreTokens(const Dataset& data, const ModelSpec& model) {
  return data.vocabulary() > 0 &&
         std::all_of(model.layers.begin(), model.layers.end(),
                     [](const LayerSpec& layer) { return layer.vocabularies.empty(); });
}

absl::Status CheckIds(const Dataset& data, const DatasetSpec& spec, const ModelSpec& model) {
  if (IdsAreTokens(data, model)) return absl::OkStatus();
  const std::optional<BadId> bad = data.FirstBadId(IdColumns(model));
  if (!bad) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(NameOf(bad->column.column, spec), " of row ", RowOf(bad->sample, spec.rows),
                   " is ", absl::StrFormat("%.9g", bad->value),
                   "; the model's embedding expects an id from 0 to ", bad->column.ids - 1));
}

std::string LabelRange(const Dataset& data) {
  return absl::StrCat(data.integer_labels() ? "whole numbers" : "numbers", " from ",
                      data.min_label(), " to ", data.max_label());
}

absl::Status CheckLabels(const Dataset& data, const ModelSpec& model) {
  const bool classes = model.loss == LossKind::kSoftmaxCrossEntropy;
  const int64_t outputs = classes ? model.classes() : ShapeSize(model.output());
  const int64_t floats = model.label_floats();
  if (data.label_floats() != floats) {
    return absl::InvalidArgumentError(
        absl::StrCat("found ", data.label_floats(), " label value(s) a sample; ", Name(model.loss),
                     " over ", outputs, " output(s) expects ", floats));
  }
  const double highest = classes ? static_cast<double>(outputs) - 1 : 1;
  const bool bounded = classes || model.loss == LossKind::kBinaryCrossEntropy;
  const bool inside = data.min_label() >= 0 && data.max_label() <= highest;
  if ((!bounded || inside) && (!classes || data.integer_labels())) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "found labels that are ", LabelRange(data), "; ", Name(model.loss), " over ", outputs,
      " output(s) expects ", classes ? "whole numbers" : "numbers", " from 0 to ", highest));
}

absl::Status CheckVocabulary(const Dataset& data, const ModelSpec& model) {
  const int64_t tokens = data.vocabulary();
  if (tokens == 0) return absl::OkStatus();
  const auto wrong = [&](const std::string& where, int64_t size) {
    return absl::InvalidArgumentError(
        absl::StrCat("found a vocabulary of ", tokens, " tokens; ", where, " expects ", size));
  };
  for (const LayerSpec& layer : model.layers) {
    if (layer.kind != LayerKind::kEmbedding) continue;
    if (layer.vocabulary != tokens) {
      return wrong("the model's embedding", layer.vocabulary);
    }
  }
  if (model.loss != LossKind::kSoftmaxCrossEntropy || model.classes() == tokens) {
    return absl::OkStatus();
  }
  return wrong(absl::StrCat("the model's output ", ShapeString(model.output())), model.classes());
}

}  // namespace

absl::Status CheckAgainstModel(const Dataset& data, const DatasetSpec& spec,
                               const ModelSpec& model) {
  if (data.features() != ShapeSize(model.input)) {
    return absl::InvalidArgumentError(absl::StrCat(
        NameInJob(spec, spec.images), ": found samples of ", data.features(), " values ",
        ShapeString(data.sample_shape()), ListOf(spec), "; the model's input ",
        ShapeString(model.input), " expects ", ShapeSize(model.input)));
  }
  RETURN_IF_ERROR(Annotate(CheckVocabulary(data, model), NameInJob(spec, spec.path)));
  RETURN_IF_ERROR(Annotate(CheckIds(data, spec, model), NameInJob(spec, spec.images)));
  if (!spec.labelled) return absl::OkStatus();
  return Annotate(CheckLabels(data, model), NameInJob(spec, spec.labels));
}

absl::Status CheckTransform(const Dataset& data, const DatasetSpec& spec,
                            const TransformSpec& transform) {
  return Annotate(CheckImages(transform, data.sample_shape()), NameInJob(spec, spec.images));
}

}  // namespace paracord
