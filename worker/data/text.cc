#include "worker/data/text.h"

#include <algorithm>
#include <memory>
#include <string_view>

#include "common/base/status.h"
#include "worker/data/source_file.h"
#include "worker/data/vocabulary_file.h"

namespace paracord {
namespace {

uint64_t PartOf(double share, uint64_t bytes) {
  return std::min(bytes, static_cast<uint64_t>(share * static_cast<double>(bytes)));
}

absl::Status Check(const DatasetSpec& spec) {
  if (spec.context >= 1 && spec.stride >= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(spec.path, ": found context ", spec.context,
                                                 " and stride ", spec.stride,
                                                 "; expected at least 1"));
}

// The bytes that all labels of all samples stand for; a token counts as often as it is a label.
uint64_t LabelBytes(const DecodedData& data, const Vocabulary& vocabulary) {
  std::vector<uint64_t> before = {0};  // each token
  for (const uint16_t token : data.tokens) {
    before.push_back(before.back() + vocabulary.BytesOf(token).size());
  }
  uint64_t bytes = 0;
  for (uint64_t i = 0; i < data.samples; ++i) {
    const uint64_t first = i * data.stride + 1;
    bytes += before[first + static_cast<uint64_t>(data.label_floats)] - before[first];
  }
  return bytes;
}

// Samples of the run of `tokens` tokens that a part of `whole` bytes is. Returns how many tokens
// they need of it.
absl::StatusOr<uint64_t> Cut(const DatasetSpec& spec, uint64_t tokens, uint64_t whole,
                             DecodedData* data) {
  const uint64_t context = static_cast<uint64_t>(spec.context);
  if (tokens < context + 1) {
    const char* what = spec.vocabulary.empty() ? "byte" : "token";
    const uint64_t label = spec.labelled ? 1 : 0;
    return absl::InvalidArgumentError(
        absl::StrCat(spec.path, ": found ", tokens - 1 + label, " ", what, "s in the part from ",
                     spec.from, " to ", spec.to, " of ", whole, " bytes; expected at least ",
                     context + label, ", a context of ", context, spec.labelled ? " and the " : "",
                     spec.labelled ? absl::StrCat(what, " after it") : ""));
  }
  data->stride = static_cast<uint64_t>(spec.stride);
  data->samples = (tokens - context - 1) / data->stride + 1;
  data->sample_shape = {spec.context};
  data->label_floats = spec.context;
  return (data->samples - 1) * data->stride + context + 1;
}

// What is predicted from is not followed by what follows it: something stands there.
constexpr uint8_t kNoLabel = 0;

absl::Status KeepBytes(const DatasetSpec& spec, std::vector<uint8_t> bytes, uint64_t whole,
                       DecodedData* data) {
  if (!spec.labelled) bytes.push_back(kNoLabel);
  ASSIGN_OR_RETURN(const uint64_t used, Cut(spec, bytes.size(), whole, data));
  data->pixels = std::move(bytes);
  data->pixels.resize(used);
  return absl::OkStatus();
}

absl::Status KeepTokens(const DatasetSpec& spec, const std::vector<uint8_t>& bytes, uint64_t whole,
                        DecodedData* data) {
  ASSIGN_OR_RETURN(VocabularyFile file, ReadVocabulary(spec.vocabulary));
  data->tokens =
      file.vocabulary.Encode({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (!spec.labelled) data->tokens.push_back(kNoLabel);
  ASSIGN_OR_RETURN(const uint64_t used, Cut(spec, data->tokens.size(), whole, data));
  data->tokens.resize(used);
  data->vocabulary = static_cast<uint32_t>(file.vocabulary.size());
  data->label_bytes = LabelBytes(*data, file.vocabulary);
  data->files.push_back(std::move(file.identity));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DecodedData> DecodeText(const DatasetSpec& spec) {
  RETURN_IF_ERROR(Check(spec));
  ASSIGN_OR_RETURN(const std::unique_ptr<SourceFile> file, SourceFile::Open(spec.path));
  std::vector<uint8_t> bytes;
  RETURN_IF_ERROR(file->ReadAll(&bytes));
  if (bytes.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(spec.path, ": the file is empty; expected text"));
  }
  DecodedData data;
  ASSIGN_OR_RETURN(FileIdentity identity, file->Identity());
  data.files = {std::move(identity)};
  const uint64_t whole = bytes.size();
  const uint64_t first = PartOf(spec.from, whole), last = PartOf(spec.to, whole);
  bytes.resize(std::max(first, last));
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<int64_t>(first));
  RETURN_IF_ERROR(spec.vocabulary.empty() ? KeepBytes(spec, std::move(bytes), whole, &data)
                                          : KeepTokens(spec, bytes, whole, &data));
  return data;
}

}  // namespace paracord
