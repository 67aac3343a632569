#include "worker/data/text.h"

#include <algorithm>
#include <memory>

#include "common/base/status.h"
#include "worker/data/source_file.h"

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

}  // namespace

absl::StatusOr<DecodedData> DecodeText(const DatasetSpec& spec) {
  RETURN_IF_ERROR(Check(spec));
  ASSIGN_OR_RETURN(const std::unique_ptr<SourceFile> file, SourceFile::Open(spec.path));
  DecodedData data;
  RETURN_IF_ERROR(file->ReadAll(&data.pixels));
  const uint64_t bytes = data.pixels.size();
  if (bytes == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(spec.path, ": the file is empty; expected text"));
  }
  const uint64_t first = PartOf(spec.from, bytes), last = PartOf(spec.to, bytes);
  const uint64_t context = static_cast<uint64_t>(spec.context);
  const uint64_t stride = static_cast<uint64_t>(spec.stride);
  if (last < first || last - first < context + 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        spec.path, ": found ", last - std::min(first, last), " bytes in the part from ", spec.from,
        " to ", spec.to, " of ", bytes, "; expected at least ", context + 1, ", a context of ",
        context, " and the byte after it"));
  }
  data.samples = (last - first - context - 1) / stride + 1;
  data.sample_shape = {spec.context};
  data.label_floats = spec.context;
  data.stride = stride;
  const uint64_t used = (data.samples - 1) * stride + context + 1;
  std::copy_n(data.pixels.begin() + static_cast<int64_t>(first), used, data.pixels.begin());
  data.pixels.resize(used);
  ASSIGN_OR_RETURN(FileIdentity identity, file->Identity());
  data.files = {std::move(identity)};
  return data;
}

}  // namespace paracord
