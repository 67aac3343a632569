// How a table (csv) becomes numbers: which rows count, what each column is, what stands in for a
// value that is missing. Pure data; made by ParseTable (parse_table.h).
//
// What is learned from data (mean and deviation, the commonest words) is always learned from the
// training set: the test set's spec names the training file and its rows in `learn_from`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace paracord {

// Some of a set's samples, by their number in the file from 0. Samples `i` with i % every == at are
// taken, or with `except` all others; every == 0: all.
struct RowsSpec {
  uint64_t every = 0;
  uint64_t at = 0;
  bool except = false;

  bool Keeps(uint64_t row) const { return every == 0 || (row % every == at) != except; }
  bool operator==(const RowsSpec&) const = default;
};

enum class DatePart { kMonth, kWeekday, kHour, kDayOfYear };

inline const char* Name(DatePart part) {  // as in a job file
  constexpr const char* kNames[] = {"month", "weekday", "hour", "day_of_year"};
  return kNames[static_cast<size_t>(part)];
}
enum class MissingKind { kError, kMean, kZero };

struct ColumnSpec {
  // A category's value becomes an id of [0, Ids()), 0 for what is unknown or missing: by its place
  // in `words` from 1; by its rank among the `learned` commonest words of the training set from 1;
  // or 1 + hash % buckets. A cross is a category by hash over several columns, and comes last.
  enum class Kind { kNumber, kIgnored, kWords, kLearned, kHashed, kCross, kDate };
  Kind kind = Kind::kNumber;
  std::string name;
  std::vector<std::string> words;
  int64_t learned = 0;
  int64_t buckets = 0;               // kHashed, kCross
  std::vector<std::string> crosses;  // names of columns
  std::vector<DatePart> parts;       // one feature each

  // How many ids there are: rows of an embedding. 0: no category.
  int64_t Ids() const {
    const int64_t words_known = static_cast<int64_t>(words.size()) + learned + buckets;
    return words_known > 0 ? words_known + 1 : 0;
  }
  bool operator==(const ColumnSpec&) const = default;
};

struct TableSpec {
  bool header = true;               // without one, columns are called "1", "2", ...
  std::vector<ColumnSpec> columns;  // those that the job speaks of; every other one is a number
  MissingKind missing = MissingKind::kError;
  bool standardize = false;     // numbers: minus the mean, over the deviation, of the training set
  bool label_is_above = false;  // the label is 1 if the value is above `label_above`, else 0
  double label_above = 0;
  std::string learn_from;  // path of the training set; "": this one
  RowsSpec learn_rows;

  // Must the training set be read before a row can be?
  bool Learns() const;
  bool operator==(const TableSpec&) const = default;
};

inline bool TableSpec::Learns() const {
  bool learns = standardize || missing == MissingKind::kMean;
  for (const ColumnSpec& column : columns) {
    learns = learns || column.kind == ColumnSpec::Kind::kLearned;
  }
  return learns;
}

}  // namespace paracord
