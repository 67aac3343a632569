// The records of a CSV file as fields of text. Quoted fields may hold commas, doubled quotes and
// line ends; empty lines are skipped. A quote that never closes, or stands inside an unquoted
// field, is InvalidArgument with its line. One thread.
//
// Source: RFC 4180, section 2.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/data/line_reader.h"

namespace paracord {

class CsvRecords {
 public:
  explicit CsvRecords(SourceFile& file) : lines_(file) {}

  // The next record, to `fields` (its strings are reused); false at the end.
  absl::StatusOr<bool> Next(std::vector<std::string>* fields);
  // InvalidArgument "PATH: line N: what", N being where the record ends.
  absl::Status Error(const std::string& what) const { return lines_.Error(what); }

 private:
  // One field from `at_` on, leaving `at_` at the comma or the end.
  absl::Status ReadField(std::string* field);
  absl::Status ReadQuoted(std::string* field);

  LineReader lines_;
  std::string line_;
  size_t at_ = 0;
};

}  // namespace paracord
