#include "worker/data/cifar.h"

#include <memory>

#include "common/base/status.h"
#include "worker/data/source_file.h"

namespace paracord {
namespace {

constexpr uint64_t kImageBytes = 3 * 32 * 32;

absl::Status AddRecords(const std::string& path, const std::vector<uint8_t>& bytes, int64_t classes,
                        DecodedData* data) {
  const uint64_t labels = classes == 100 ? 2 : 1;
  const uint64_t record = labels + kImageBytes, count = bytes.size() / record;
  if (count == 0 || bytes.size() % record != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": found ", bytes.size(), " bytes; expected records of ", record,
        " bytes each, as of ", classes, " classes; torn, or not CIFAR's binary version"));
  }
  data->pixels.reserve(data->pixels.size() + count * kImageBytes);
  for (uint64_t i = 0; i < count; ++i) {
    const uint8_t* next = bytes.data() + i * record;
    const int64_t label = next[labels - 1];
    if (label >= classes) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": record ", i, ": found label ", label,
                                                     "; expected 0 to ", classes - 1));
    }
    data->labels.push_back(static_cast<float>(label));
    data->pixels.insert(data->pixels.end(), next + labels, next + record);
  }
  data->samples += count;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DecodedData> DecodeCifar(const DatasetSpec& spec) {
  DecodedData data;
  data.sample_shape = {3, 32, 32};
  for (const std::string& path : spec.paths) {
    ASSIGN_OR_RETURN(const std::unique_ptr<SourceFile> file, SourceFile::Open(path));
    std::vector<uint8_t> bytes;
    RETURN_IF_ERROR(file->ReadAll(&bytes));
    RETURN_IF_ERROR(AddRecords(path, bytes, spec.classes, &data));
    ASSIGN_OR_RETURN(FileIdentity identity, file->Identity());
    data.files.push_back(std::move(identity));
  }
  return data;
}

}  // namespace paracord
