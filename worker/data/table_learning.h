// What a table takes from its training set before a row can be read: the mean and deviation of each
// number, the commonest words of each category. One pass in the file's order, in double precision:
// the same on every host.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "worker/data/table_reader.h"
#include "worker/data/table_values.h"

namespace paracord {

struct TableFacts {
  std::vector<TableColumn> columns;
  std::vector<ColumnFacts> facts;  // of each column
};

// Without a look at any row: words that the job lists.
std::vector<ColumnFacts> GivenFacts(const std::vector<TableColumn>& columns);

// Reads all rows of `training`. Equally common words are taken in the order of their bytes; a
// column without any number has mean 0, one without variance deviation 1. InvalidArgument as the
// rows' own reading would say it, or if there are no rows.
absl::StatusOr<TableFacts> LearnTable(const TableSpec& table, TableReader& training);

}  // namespace paracord
