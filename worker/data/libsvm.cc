#include "worker/data/libsvm.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <string_view>

#include "common/base/status.h"
#include "worker/data/line_reader.h"
#include "worker/data/number_text.h"

namespace paracord {
namespace {

constexpr char kBlanks[] = " \t";

// The next word of `text`, taken off its front; empty at the end.
std::string_view TakeWord(std::string_view* text) {
  text->remove_prefix(std::min(text->find_first_not_of(kBlanks), text->size()));
  const std::string_view word = text->substr(0, text->find_first_of(kBlanks));
  text->remove_prefix(word.size());
  return word;
}

absl::StatusOr<int64_t> ParseIndex(std::string_view text, int64_t last, int64_t features) {
  int64_t index = 0;
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, index);
  std::string expected;
  if (code != std::errc() || stop != end) {
    expected = "a whole number";
  } else if (index < 1 || index > features) {
    expected = absl::StrCat("1 to ", features, ", the job's number of features");
  } else if (index <= last) {
    expected = absl::StrCat("an index above ", last, ", the one before it");
  } else {
    return index;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("found index ", Quoted(text), "; expected ", expected));
}

// Reads "INDEX:VALUE" into its place in `row`; `last` is the index before, and becomes this one.
absl::Status ReadEntry(std::string_view word, int64_t features, int64_t* last, float* row) {
  const size_t colon = word.find(':');
  if (colon == std::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("found ", Quoted(word), "; expected INDEX:VALUE"));
  }
  ASSIGN_OR_RETURN(*last, ParseIndex(word.substr(0, colon), *last, features));
  absl::StatusOr<float> value = ParseFiniteFloat(word.substr(colon + 1));
  if (!value.ok()) return Annotate(value.status(), absl::StrCat("index ", *last));
  row[*last - 1] = *value;
  return absl::OkStatus();
}

absl::Status AddLine(std::string_view line, int64_t features, DecodedData* data) {
  line = line.substr(0, line.find('#'));
  const std::string_view label_text = TakeWord(&line);
  if (label_text.empty()) return absl::OkStatus();
  absl::StatusOr<float> label = ParseFiniteFloat(label_text);
  if (!label.ok()) return Annotate(label.status(), "label");
  RETURN_IF_ERROR(CheckFitsInMemory(data->samples + 1, features));
  data->labels.push_back(*label);
  data->features.resize(++data->samples * features);
  float* row = data->features.data() + (data->samples - 1) * features;
  int64_t last = 0;
  for (std::string_view word = TakeWord(&line); !word.empty(); word = TakeWord(&line)) {
    RETURN_IF_ERROR(ReadEntry(word, features, &last, row));
  }
  return absl::OkStatus();
}

void MapSignsToClasses(std::vector<float>* labels) {
  bool negative = false;
  for (const float label : *labels) {
    if (label != -1 && label != 1) return;
    negative |= label == -1;
  }
  if (negative) std::replace(labels->begin(), labels->end(), -1.0f, 0.0f);
}

}  // namespace

absl::StatusOr<DecodedData> DecodeLibsvm(const DatasetSpec& spec) {
  if (spec.features < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(spec.path, ": features: found ", spec.features, "; expected at least 1"));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<SourceFile> file, SourceFile::Open(spec.path));
  LineReader lines(*file);
  DecodedData data;
  data.sample_shape = {spec.features};
  std::string line;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, lines.Next(&line));
    if (!more) break;
    const absl::Status added = AddLine(line, spec.features, &data);
    if (!added.ok()) {
      return Annotate(added, absl::StrCat(spec.path, ": line ", lines.number()));
    }
  }
  if (data.samples == 0) return lines.Error("the file ends; expected samples");
  ASSIGN_OR_RETURN(FileIdentity identity, file->Identity());
  data.files = {std::move(identity)};
  MapSignsToClasses(&data.labels);
  return data;
}

}  // namespace paracord
