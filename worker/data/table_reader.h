// The rows of a csv file that a job uses, and which of their fields become which features. A header
// row names the columns; without one they are called "1", "2", ... One thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "worker/data/csv_records.h"

namespace paracord {

using Fields = std::vector<std::string>;

struct TableColumn {
  ColumnSpec spec;
  std::vector<size_t> fields;  // of a row: one, or those of a cross

  size_t Features() const { return spec.kind == ColumnSpec::Kind::kDate ? spec.parts.size() : 1; }
};

class TableReader {
 public:
  // Rows `rows` of the file `path` under the label and table of `spec`. InvalidArgument if the file
  // is empty or lacks a column that the job names.
  static absl::StatusOr<std::unique_ptr<TableReader>> Open(const std::string& path,
                                                           const RowsSpec& rows,
                                                           const DatasetSpec& spec);

  // The next row that counts, with as many fields as there are columns; false at the end.
  absl::StatusOr<bool> Next(Fields* fields);
  // InvalidArgument "PATH: line N: what", of the last row.
  absl::Status Error(const std::string& what) const { return records_.Error(what); }
  // Of the file, once Next has met the end.
  absl::StatusOr<FileIdentity> Identity() { return file_->Identity(); }

  // Columns that are features: in the order of the file, then crosses in that of the job.
  const std::vector<TableColumn>& columns() const { return columns_; }
  const Fields& names() const { return names_; }  // of all columns of the file
  size_t label() const { return label_; }  // its column; names().size(): samples without labels
  int64_t features() const;                // floats a sample

 private:
  TableReader(std::unique_ptr<SourceFile> file, const RowsSpec& rows)
      : file_(std::move(file)), records_(*file_), rows_(rows) {}
  absl::Status ReadNames(bool header);
  absl::Status LayOut(const DatasetSpec& spec);
  // Where the column `name` stands; `what` for: "the label".
  absl::StatusOr<size_t> Find(const std::string& name, const std::string& what) const;

  std::unique_ptr<SourceFile> file_;
  CsvRecords records_;
  const RowsSpec rows_;
  Fields names_, first_;  // first_: a row that was read to see how many columns there are
  std::vector<TableColumn> columns_;
  size_t label_ = 0;
  uint64_t row_ = 0;
};

}  // namespace paracord
