#include "common/job/wide_and_deep.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace paracord {
namespace {

using Layers = std::vector<std::string>;
using Ids = std::map<int64_t, int64_t>;

template <typename Items>
std::string List(const Items& items) {
  return absl::StrCat("[", absl::StrJoin(items, ", "), "]");
}

std::string Embedding(const char* name, const Ids& ids, int64_t width, bool sum) {
  std::vector<int64_t> columns, vocabulary;
  for (const auto& [column, count] : ids) {
    columns.push_back(column);
    vocabulary.push_back(count);
  }
  return absl::StrCat("{embedding: {name: ", name, ", columns: ", List(columns),
                      ", vocabulary: ", List(vocabulary), ", width: ", width,
                      sum ? ", sum: true" : "", "}}");
}

std::string Numbers(const WideAndDeep& model) {
  std::vector<int64_t> numbers;
  for (int64_t column = 0; column < model.columns; ++column) {
    if (!model.categories.contains(column) && !model.crosses.contains(column)) {
      numbers.push_back(column);
    }
  }
  return numbers.empty() ? "" : absl::StrCat("{columns: ", List(numbers), "}");
}

Layers Wide(const WideAndDeep& model, const std::string& numbers) {
  Ids ids = model.categories;
  ids.insert(model.crosses.begin(), model.crosses.end());
  const Layers weights = {Embedding("wide", ids, model.outputs, true)};
  const Layers linear = {numbers,
                         absl::StrCat("{linear: {units: ", model.outputs, ", bias: false}}")};
  if (numbers.empty()) return weights;
  return {absl::StrCat("{residual: {body: ", List(linear), ", shortcut: ", List(weights), "}}")};
}

Layers Deep(const WideAndDeep& model, const std::string& numbers) {
  const Layers vectors = {Embedding("categories", model.categories, model.width, false), "flatten"};
  Layers layers = vectors;
  if (!numbers.empty()) {
    layers = {absl::StrCat("{concat: [[", numbers, "], ", List(vectors), "]}")};
  }
  for (const int64_t units : model.hidden) {
    layers.push_back(absl::StrCat("{linear: ", units, "}"));
    layers.push_back("relu");
    if (model.dropout > 0) layers.push_back(absl::StrFormat("{dropout: %.17g}", model.dropout));
  }
  layers.push_back(absl::StrCat("{linear: ", model.outputs, "}"));
  return layers;
}

}  // namespace

std::vector<std::string> LayersOf(const WideAndDeep& model) {
  const std::string numbers = Numbers(model);
  return {absl::StrCat("{residual: {body: ", List(Deep(model, numbers)),
                       ", shortcut: ", List(Wide(model, numbers)), "}}")};
}

}  // namespace paracord
