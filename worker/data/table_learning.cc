#include "worker/data/table_learning.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/base/status.h"
#include "worker/data/number_text.h"

namespace paracord {
namespace {

using Kind = ColumnSpec::Kind;

// Source: Welford, "Note on a Method for Calculating Corrected Sums of Squares and Products",
// Technometrics 4(3), 1962.
class Moments {
 public:
  void Add(double value) {
    ++count_;
    const double before = value - mean_;
    mean_ += before / static_cast<double>(count_);
    squares_ += before * (value - mean_);
  }
  double mean() const { return mean_; }
  double Deviation() const {
    const double variance = count_ > 0 ? squares_ / static_cast<double>(count_) : 0;
    return variance > 0 ? std::sqrt(variance) : 1;
  }

 private:
  uint64_t count_ = 0;
  double mean_ = 0, squares_ = 0;
};

struct Counts {
  Moments moments;
  std::unordered_map<std::string, uint64_t> words;
};

absl::Status Count(const TableColumn& column, const TableSpec& table, const Fields& row,
                   Counts* counts) {
  const std::string& field = row[column.fields[0]];
  const bool missing = IsMissing(field);
  if (column.spec.kind == Kind::kLearned && !missing) {
    ++counts->words[std::string(WithoutBlanks(field))];
  } else if (column.spec.kind == Kind::kNumber &&
             (!missing || table.missing == MissingKind::kError)) {
    ASSIGN_OR_RETURN(const float value, ParseFiniteFloat(field));
    counts->moments.Add(value);
  }
  return absl::OkStatus();
}

std::unordered_map<std::string, int64_t> CommonestWords(const Counts& counts, int64_t most) {
  std::vector<std::pair<std::string, uint64_t>> words(counts.words.begin(), counts.words.end());
  std::sort(words.begin(), words.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  std::unordered_map<std::string, int64_t> ids;
  for (const auto& [word, count] : words) {
    if (static_cast<int64_t>(ids.size()) == most) break;
    ids.emplace(word, static_cast<int64_t>(ids.size()) + 1);
  }
  return ids;
}

}  // namespace

std::vector<ColumnFacts> GivenFacts(const std::vector<TableColumn>& columns) {
  std::vector<ColumnFacts> facts(columns.size());
  for (size_t i = 0; i < columns.size(); ++i) {
    for (const std::string& word : columns[i].spec.words) {
      facts[i].ids.emplace(word, static_cast<int64_t>(facts[i].ids.size()) + 1);
    }
  }
  return facts;
}

absl::StatusOr<TableFacts> LearnTable(const TableSpec& table, TableReader& training) {
  TableFacts learned = {training.columns(), GivenFacts(training.columns())};
  std::vector<Counts> counts(learned.columns.size());
  Fields row;
  uint64_t rows = 0;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, training.Next(&row));
    if (!more) break;
    ++rows;
    for (size_t i = 0; i < counts.size(); ++i) {
      const absl::Status counted = Count(learned.columns[i], table, row, &counts[i]);
      if (counted.ok()) continue;
      return training.Error(absl::StrCat("column ", Quoted(learned.columns[i].spec.name), ": ",
                                         std::string(counted.message())));
    }
  }
  if (rows == 0) return training.Error("the file ends; expected rows to learn the columns from");
  for (size_t i = 0; i < counts.size(); ++i) {
    ColumnFacts& facts = learned.facts[i];
    facts.mean = counts[i].moments.mean();
    facts.deviation = counts[i].moments.Deviation();
    const ColumnSpec& spec = learned.columns[i].spec;
    if (spec.kind == Kind::kLearned) facts.ids = CommonestWords(counts[i], spec.learned);
  }
  return learned;
}

}  // namespace paracord
