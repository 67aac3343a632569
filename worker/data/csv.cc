#include "worker/data/csv.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_join.h"
#include "common/base/nearest.h"
#include "common/base/status.h"
#include "worker/data/csv_records.h"
#include "worker/data/number_text.h"

namespace paracord {
namespace {

using Fields = std::vector<std::string>;

// Where the label stands in the header row.
absl::StatusOr<size_t> LabelColumn(const CsvRecords& records, const Fields& names,
                                   const std::string& label) {
  const auto found = std::find(names.begin(), names.end(), label);
  if (found == names.end()) {
    return records.Error(absl::StrCat("no column ", Quoted(label), " for the label; found ",
                                      Quoted(absl::StrJoin(names, ",")), DidYouMean(label, names)));
  }
  if (std::find(found + 1, names.end(), label) != names.end()) {
    return records.Error(absl::StrCat("two columns are called ", Quoted(label)));
  }
  if (names.size() < 2) return records.Error("found only the label; expected columns of features");
  return static_cast<size_t>(found - names.begin());
}

absl::Status AddRow(const CsvRecords& records, const Fields& names, size_t label_column,
                    const Fields& fields, DecodedData* data) {
  if (fields.size() != names.size()) {
    return records.Error(absl::StrCat("found ", fields.size(), " fields; expected ", names.size(),
                                      " as in the header row"));
  }
  for (size_t i = 0; i < fields.size(); ++i) {
    const absl::StatusOr<float> value = ParseFiniteFloat(fields[i]);
    if (!value.ok()) {
      return records.Error(
          absl::StrCat("column ", Quoted(names[i]), ": ", std::string(value.status().message())));
    }
    (i == label_column ? data->labels : data->features).push_back(*value);
  }
  ++data->samples;
  return CheckFitsInMemory(data->samples, fields.size());
}

}  // namespace

absl::StatusOr<DecodedData> DecodeCsv(const DatasetSpec& spec) {
  ASSIGN_OR_RETURN(const std::unique_ptr<SourceFile> file, SourceFile::Open(spec.path));
  CsvRecords records(*file);
  Fields names, fields;
  ASSIGN_OR_RETURN(const bool has_header, records.Next(&names));
  if (!has_header) return records.Error("the file is empty; expected a header row");
  ASSIGN_OR_RETURN(const size_t label_column, LabelColumn(records, names, spec.label));
  DecodedData data;
  data.sample_shape = {static_cast<int64_t>(names.size()) - 1};
  while (true) {
    ASSIGN_OR_RETURN(const bool more, records.Next(&fields));
    if (!more) break;
    RETURN_IF_ERROR(AddRow(records, names, label_column, fields, &data));
  }
  if (data.samples == 0) return records.Error("the file ends; expected rows after the header");
  ASSIGN_OR_RETURN(FileIdentity identity, file->Identity());
  data.files = {std::move(identity)};
  return data;
}

}  // namespace paracord
