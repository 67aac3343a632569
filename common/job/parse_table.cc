#include "common/job/parse_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/job/whole_floats.h"

namespace paracord {
namespace {

using Kind = ColumnSpec::Kind;
using NodeKind = ConfigNode::Kind;

constexpr Bounds kIdBounds = {1, double{kMostWholeFloat}};

std::vector<std::string> ParseWords(const ConfigNode& node) {
  std::vector<std::string> words;
  for (const ConfigNode& item : node.Items()) {
    const std::string word = item.AsString();
    if (item.faulty()) continue;
    if (std::find(words.begin(), words.end(), word) != words.end()) {
      item.Error(absl::StrCat("found '", word, "' a second time; expected each word once"));
      continue;
    }
    words.push_back(word);
  }
  if (words.empty() && !node.faulty()) node.Error("found an empty list; expected words");
  return words;
}

std::vector<DatePart> ParseDateParts(const ConfigNode& node) {
  constexpr DatePart kParts[] = {DatePart::kMonth, DatePart::kWeekday, DatePart::kHour,
                                 DatePart::kDayOfYear};
  std::vector<DatePart> parts;
  for (const ConfigNode& item : node.Items()) {
    const auto choice = item.AsChoice({"month", "weekday", "hour", "day_of_year"});
    if (choice) parts.push_back(kParts[*choice]);
  }
  if (parts.empty() && !node.faulty()) {
    node.Error("found an empty list; expected some of month, weekday, hour, day_of_year");
  }
  return parts;
}

void ParseColumnMap(const ConfigNode& node, ColumnSpec* column) {
  const ConfigNode vocabulary = node.Child("vocabulary"), date = node.Child("date");
  const bool has_hash = node.Has("hash"), has_cross = node.Has("cross");
  const bool has_vocabulary = node.Has("vocabulary"), has_date = node.Has("date");
  if (has_vocabulary + has_date + (has_hash || has_cross) > 1) {
    std::vector<std::string> found;
    for (const char* key : {"vocabulary", "hash", "cross", "date"}) {
      if (node.Has(key)) found.push_back(key);
    }
    node.Error(absl::StrCat("found ", absl::StrJoin(found, " and "),
                            "; expected one of them, or hash with cross"));
  }
  if (vocabulary.kind() != NodeKind::kMissing) {
    const bool listed = vocabulary.kind() == NodeKind::kList;
    column->kind = listed ? Kind::kWords : Kind::kLearned;
    if (listed) column->words = ParseWords(vocabulary);
    if (!listed) column->learned = vocabulary.AsInteger(kIdBounds);
  } else if (date.kind() != NodeKind::kMissing) {
    column->kind = Kind::kDate;
    column->parts = ParseDateParts(date);
  } else if (has_hash || has_cross) {
    column->kind = has_cross ? Kind::kCross : Kind::kHashed;
    column->buckets = node.Integer("hash", kIdBounds);
    if (has_cross) column->crosses = ParseWords(node.Child("cross"));
  } else if (!node.faulty()) {
    node.Error(
        "expected one of vocabulary: [WORDS], vocabulary: MOST, hash: IDS, cross: [COLUMNS] with "
        "hash, date: [PARTS]");
  }
  node.Finish();
}

std::vector<ColumnSpec> ParseColumns(const ConfigNode& node, const std::string& label) {
  std::vector<ColumnSpec> columns;
  if (node.kind() == NodeKind::kMissing) return columns;
  for (const std::string& name : node.Keys()) {
    const ConfigNode child = node.Child(name);
    ColumnSpec column;
    column.name = name;
    if (name == label) {
      child.Error("found the label's column; expected columns of features");
    } else if (child.kind() == NodeKind::kMap) {
      ParseColumnMap(child, &column);
    } else if (const auto word = child.AsChoice({"number", "ignore"}); word) {
      column.kind = *word == 0 ? Kind::kNumber : Kind::kIgnored;
    }
    columns.push_back(std::move(column));
  }
  return columns;
}

// The test set's columns mean what the training set's do.
void RefuseInTest(const ConfigNode& node) {
  for (const char* key : {"columns", "missing", "standardize"}) {
    if (!node.Has(key)) continue;
    node.Child(key).Error("found in a test set; expected in data.train alone, which both follow");
  }
}

}  // namespace

RowsSpec ParseRows(const ConfigNode& node) {
  RowsSpec rows;
  if (node.kind() == NodeKind::kMissing) return rows;
  rows.every = static_cast<uint64_t>(node.Integer("every", {2, 1e9}));
  rows.except = node.Has("except");
  const double last = std::max(1.0, static_cast<double>(rows.every) - 1);
  rows.at = static_cast<uint64_t>(node.Integer(rows.except ? "except" : "at", {0, last}));
  node.Finish();
  return rows;
}

void ParseTable(const ConfigNode& node, const DatasetSpec* train, DatasetSpec* data) {
  TableSpec& table = data->table;
  if (train != nullptr) {
    table = train->table;
    data->label = train->label;
    RefuseInTest(node);
    if (table.Learns()) {
      table.learn_from = train->path;
      table.learn_rows = train->rows;
    }
  }
  if (train == nullptr || node.Has("label")) data->label = node.String("label");
  table.header = node.Bool("header", table.header);
  if (node.Has("label_above")) {
    table.label_is_above = true;
    table.label_above = node.Number("label_above", 0);
  }
  if (train != nullptr) return;
  constexpr MissingKind kMissing[] = {MissingKind::kError, MissingKind::kMean, MissingKind::kZero};
  table.missing = kMissing[node.Choice("missing", 0, {"error", "mean", "zero"})];
  table.standardize = node.Bool("standardize", false);
  table.columns = ParseColumns(node.Child("columns"), data->label);
}

}  // namespace paracord
