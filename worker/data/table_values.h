// Fields of a table as floats: numbers, ids of categories, parts of dates. Pure.
//
// Missing is a field that is empty or one of NA, N/A, NaN, nan, NULL, null, ?; blanks around a
// field do not count. A missing category has id 0 as an unknown one; a missing number or date is an
// error unless the job says what stands in for it (a date's parts are then 0).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "worker/data/table_reader.h"

namespace paracord {

// What is known of a column from the training set.
struct ColumnFacts {
  double mean = 0, deviation = 1;                // numbers; deviation is never 0
  std::unordered_map<std::string, int64_t> ids;  // words
};

bool IsMissing(std::string_view field);

// Appends what `column` makes of a row. InvalidArgument says what was found and expected.
absl::Status AppendFeatures(const TableColumn& column, const ColumnFacts& facts,
                            const TableSpec& table, const Fields& row, std::vector<float>* out);

// "2001-02-28", "2001-02-28 23:59", "2001-02-28T23:59:01.5Z": month 1 to 12, weekday 1 (Monday) to
// 7, hour 0 to 23, day of the year 1 to 366, in the date's own time zone.
absl::Status AppendDate(std::string_view text, const std::vector<DatePart>& parts,
                        std::vector<float>* out);

}  // namespace paracord
