#include "worker/data/cache_key.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "worker/data/vocabulary_file.h"

namespace paracord {
namespace {

// Texts with their length before them: no two lists of fields give the same bytes.
void AddText(const std::string& text, std::string* key) {
  absl::StrAppend(key, text.size(), ":", text, " ");
}

void AddTexts(const std::vector<std::string>& texts, std::string* key) {
  absl::StrAppend(key, texts.size(), " ");
  for (const std::string& text : texts) AddText(text, key);
}

template <class... Numbers>
void AddNumbers(std::string* key, const Numbers&... numbers) {
  (absl::StrAppend(key, numbers, " "), ...);
}

void AddReal(double number, std::string* key) { absl::StrAppendFormat(key, "%.17g ", number); }

void AddRows(const RowsSpec& rows, std::string* key) {
  AddNumbers(key, rows.every, rows.at, static_cast<int>(rows.except));
}

void AddTable(const TableSpec& table, std::string* key) {
  AddNumbers(key, static_cast<int>(table.header), static_cast<int>(table.missing),
             static_cast<int>(table.standardize), static_cast<int>(table.label_is_above));
  AddReal(table.label_above, key);
  AddText(table.learn_from, key);
  AddRows(table.learn_rows, key);
  AddNumbers(key, table.columns.size());
  for (const ColumnSpec& column : table.columns) {
    AddText(column.name, key);
    AddNumbers(key, static_cast<int>(column.kind), column.learned, column.buckets);
    AddTexts(column.words, key);
    AddTexts(column.crosses, key);
    AddNumbers(key, column.parts.size());
    for (const DatePart part : column.parts) AddNumbers(key, static_cast<int>(part));
  }
}

// One that cannot be read has no data set either.
void AddVocabulary(const std::string& path, std::string* key) {
  AddText(path, key);
  if (path.empty()) return;
  const absl::StatusOr<VocabularyFile> file = ReadVocabulary(path);
  AddText(file.ok() ? file->identity.sha256 : "", key);
}

}  // namespace

std::string CacheKey(const DatasetSpec& spec) {
  std::string key = absl::StrCat(static_cast<int>(spec.format), " ");
  AddTexts({spec.images, spec.labels, spec.path, spec.label}, &key);
  AddTexts(spec.paths, &key);
  AddNumbers(&key, spec.features, spec.samples, spec.classes, spec.seed);
  AddReal(spec.noise, &key);
  AddRows(spec.rows, &key);
  AddTable(spec.table, &key);
  AddNumbers(&key, spec.context, spec.stride, spec.height, spec.width, spec.channels);
  AddReal(spec.from, &key);
  AddReal(spec.to, &key);
  AddVocabulary(spec.vocabulary, &key);
  return key;
}

}  // namespace paracord
