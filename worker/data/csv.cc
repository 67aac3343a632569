#include "worker/data/csv.h"

#include <memory>
#include <utility>

#include "common/base/status.h"
#include "worker/data/number_text.h"
#include "worker/data/table_learning.h"
#include "worker/data/table_reader.h"

namespace paracord {
namespace {

// What is known of the columns of `reader`; the training file goes to `files` if it is another one.
absl::StatusOr<std::vector<ColumnFacts>> FactsFor(const DatasetSpec& spec,
                                                  const TableReader& reader,
                                                  std::vector<FileIdentity>* files) {
  if (!spec.table.Learns()) return GivenFacts(reader.columns());
  const bool itself = spec.table.learn_from.empty();
  ASSIGN_OR_RETURN(const std::unique_ptr<TableReader> training,
                   TableReader::Open(itself ? spec.path : spec.table.learn_from,
                                     itself ? spec.rows : spec.table.learn_rows, spec));
  ASSIGN_OR_RETURN(TableFacts learned, LearnTable(spec.table, *training));
  ASSIGN_OR_RETURN(FileIdentity identity, training->Identity());
  bool same = learned.columns.size() == reader.columns().size();
  for (size_t i = 0; same && i < learned.columns.size(); ++i) {
    same = learned.columns[i].spec.name == reader.columns()[i].spec.name;
  }
  if (!same) {
    return reader.Error(absl::StrCat("found other columns than in ", identity.path,
                                     ", the training set; expected the same in the same order"));
  }
  if (identity.path != spec.path) files->push_back(std::move(identity));
  return std::move(learned.facts);
}

absl::Status InColumn(const TableReader& reader, const std::string& name,
                      const absl::Status& status) {
  return reader.Error(absl::StrCat("column ", Quoted(name), ": ", std::string(status.message())));
}

absl::Status AddRow(const TableReader& reader, const TableSpec& table, bool labelled,
                    const std::vector<ColumnFacts>& facts, const Fields& row, DecodedData* data) {
  for (size_t i = 0; i < facts.size(); ++i) {
    const TableColumn& column = reader.columns()[i];
    const absl::Status added = AppendFeatures(column, facts[i], table, row, &data->features);
    if (!added.ok()) return InColumn(reader, column.spec.name, added);
  }
  const absl::StatusOr<float> label =
      labelled ? ParseFiniteFloat(row[reader.label()]) : absl::StatusOr<float>(0.0f);
  if (!label.ok()) return InColumn(reader, reader.names()[reader.label()], label.status());
  const bool above = static_cast<double>(*label) > table.label_above;
  data->labels.push_back(table.label_is_above ? static_cast<float>(above) : *label);
  ++data->samples;
  return CheckFitsInMemory(data->samples, static_cast<uint64_t>(reader.features()) + 1);
}

}  // namespace

absl::StatusOr<DecodedData> DecodeCsv(const DatasetSpec& spec) {
  ASSIGN_OR_RETURN(const std::unique_ptr<TableReader> reader,
                   TableReader::Open(spec.path, spec.rows, spec));
  DecodedData data;
  data.sample_shape = {reader->features()};
  ASSIGN_OR_RETURN(const std::vector<ColumnFacts> facts, FactsFor(spec, *reader, &data.files));
  Fields row;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader->Next(&row));
    if (!more) break;
    RETURN_IF_ERROR(AddRow(*reader, spec.table, spec.labelled, facts, row, &data));
  }
  if (data.samples == 0) return reader->Error("the file ends; expected rows after the header");
  ASSIGN_OR_RETURN(FileIdentity identity, reader->Identity());
  data.files.insert(data.files.begin(), std::move(identity));
  return data;
}

std::vector<std::string> FeatureNames(const DatasetSpec& spec) {
  std::vector<std::string> names;
  if (spec.format != DatasetSpec::Format::kCsv) return names;
  const auto reader = TableReader::Open(spec.path, spec.rows, spec);
  if (!reader.ok()) return names;
  for (const TableColumn& column : (*reader)->columns()) {
    const std::string name = absl::StrCat("column ", Quoted(column.spec.name));
    if (column.spec.kind != ColumnSpec::Kind::kDate) names.push_back(name);
    for (const DatePart part : column.spec.parts) {
      names.push_back(absl::StrCat(Name(part), " of ", name));
    }
  }
  return names;
}

}  // namespace paracord
