#include "worker/data/csv_records.h"

#include <algorithm>

#include "common/base/status.h"
#include "worker/data/number_text.h"

namespace paracord {
namespace {

// A quote that is opened by mistake would otherwise take in the rest of the file.
constexpr size_t kLongestQuoted = 1 << 20;

}  // namespace

absl::StatusOr<bool> CsvRecords::Next(std::vector<std::string>* fields) {
  do {
    ASSIGN_OR_RETURN(const bool more, lines_.Next(&line_));
    if (!more) return false;
  } while (line_.empty());
  at_ = 0;
  size_t count = 0;
  bool comma = true;
  while (comma) {
    if (count == fields->size()) fields->emplace_back();
    RETURN_IF_ERROR(ReadField(&(*fields)[count++]));
    comma = at_ < line_.size();
    at_ += comma ? 1 : 0;
  }
  fields->resize(count);
  return true;
}

absl::Status CsvRecords::ReadField(std::string* field) {
  field->clear();
  if (at_ < line_.size() && line_[at_] == '"') return ReadQuoted(field);
  const size_t end = std::min(line_.find(',', at_), line_.size());
  field->append(line_, at_, end - at_);
  at_ = end;
  if (field->find('"') == std::string::npos) return absl::OkStatus();
  return Error(absl::StrCat("found a quote inside the unquoted field ", Quoted(*field)));
}

absl::Status CsvRecords::ReadQuoted(std::string* field) {
  const uint64_t opened = lines_.number();
  ++at_;
  while (true) {
    const size_t quote = line_.find('"', at_);
    field->append(line_, at_, quote - at_);
    if (quote == std::string::npos) {
      ASSIGN_OR_RETURN(const bool more, lines_.Next(&line_));
      if (!more || field->size() > kLongestQuoted) {
        return Error(absl::StrCat("the quote opened in line ", opened, " is not closed"));
      }
      field->push_back('\n');
      at_ = 0;
      continue;
    }
    at_ = quote + 1;
    if (at_ == line_.size() || line_[at_] == ',') return absl::OkStatus();
    if (line_[at_] != '"') {
      return Error(absl::StrCat("found text after the closing quote of ", Quoted(*field)));
    }
    field->push_back('"');
    ++at_;
  }
}

}  // namespace paracord
