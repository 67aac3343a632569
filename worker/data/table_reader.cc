#include "worker/data/table_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_join.h"
#include "common/base/nearest.h"
#include "common/base/status.h"
#include "worker/data/number_text.h"

namespace paracord {
namespace {

using Kind = ColumnSpec::Kind;

const ColumnSpec* SpecOf(const TableSpec& table, const std::string& name) {
  for (const ColumnSpec& column : table.columns) {
    if (column.name == name && column.kind != Kind::kCross) return &column;
  }
  return nullptr;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TableReader>> TableReader::Open(const std::string& path,
                                                               const RowsSpec& rows,
                                                               const DatasetSpec& spec) {
  ASSIGN_OR_RETURN(std::unique_ptr<SourceFile> file, SourceFile::Open(path));
  std::unique_ptr<TableReader> reader(new TableReader(std::move(file), rows));
  RETURN_IF_ERROR(reader->ReadNames(spec.table.header));
  RETURN_IF_ERROR(reader->LayOut(spec));
  return reader;
}

absl::Status TableReader::ReadNames(bool header) {
  Fields& found = header ? names_ : first_;
  ASSIGN_OR_RETURN(const bool any, records_.Next(&found));
  if (!any) {
    return Error(absl::StrCat("the file is empty; expected ", header ? "a header row" : "rows"));
  }
  for (size_t i = 1; i <= first_.size(); ++i) names_.push_back(absl::StrCat(i));
  return absl::OkStatus();
}

absl::StatusOr<size_t> TableReader::Find(const std::string& name, const std::string& what) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) {
    return Error(absl::StrCat("no column ", Quoted(name), " for ", what, "; found ",
                              Quoted(absl::StrJoin(names_, ",")), DidYouMean(name, names_)));
  }
  if (std::find(found + 1, names_.end(), name) != names_.end()) {
    return Error(absl::StrCat("two columns are called ", Quoted(name)));
  }
  return static_cast<size_t>(found - names_.begin());
}

absl::Status TableReader::LayOut(const DatasetSpec& spec) {
  label_ = names_.size();
  if (spec.labelled || std::find(names_.begin(), names_.end(), spec.label) != names_.end()) {
    ASSIGN_OR_RETURN(label_, Find(spec.label, "the label"));
  }
  for (const ColumnSpec& column : spec.table.columns) {
    if (column.kind == Kind::kCross) continue;
    RETURN_IF_ERROR(Find(column.name, "data.train.columns").status());
  }
  for (size_t i = 0; i < names_.size(); ++i) {
    if (i == label_) continue;
    const ColumnSpec* column = SpecOf(spec.table, names_[i]);
    ColumnSpec number;
    number.name = names_[i];
    if (column == nullptr) column = &number;
    if (column->kind != Kind::kIgnored) columns_.push_back({*column, {i}});
  }
  for (const ColumnSpec& column : spec.table.columns) {
    if (column.kind != Kind::kCross) continue;
    TableColumn cross = {column, {}};
    for (const std::string& name : column.crosses) {
      ASSIGN_OR_RETURN(const size_t at, Find(name, "the cross " + Quoted(column.name)));
      if (at == label_)
        return Error(absl::StrCat("the label is in the cross ", Quoted(column.name)));
      cross.fields.push_back(at);
    }
    columns_.push_back(std::move(cross));
  }
  if (!columns_.empty()) return absl::OkStatus();
  return Error("found only the label; expected columns of features");
}

int64_t TableReader::features() const {
  size_t features = 0;
  for (const TableColumn& column : columns_) features += column.Features();
  return static_cast<int64_t>(features);
}

absl::StatusOr<bool> TableReader::Next(Fields* fields) {
  while (true) {
    if (!first_.empty()) {
      *fields = std::exchange(first_, {});
    } else {
      ASSIGN_OR_RETURN(const bool more, records_.Next(fields));
      if (!more) return false;
    }
    if (fields->size() != names_.size()) {
      return Error(absl::StrCat("found ", fields->size(), " fields; expected ", names_.size(),
                                " as in the first row"));
    }
    if (rows_.Keeps(row_++)) return true;
  }
}

}  // namespace paracord
