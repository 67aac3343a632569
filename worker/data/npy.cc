#include "worker/data/npy.h"

#include <cmath>
#include <cstring>
#include <memory>
#include <utility>

#include "common/base/status.h"
#include "worker/data/npy_header.h"
#include "worker/data/source_file.h"

namespace paracord {
namespace {

using Type = NpyHeader::Type;

struct NpyArray {
  NpyHeader header;
  std::vector<uint8_t> bytes;  // of the whole file
  FileIdentity file;

  const uint8_t* values() const { return bytes.data() + header.begin; }
};

absl::StatusOr<NpyArray> ReadNpy(const std::string& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<SourceFile> file, SourceFile::Open(path));
  NpyArray array;
  RETURN_IF_ERROR(file->ReadAll(&array.bytes));
  absl::StatusOr<NpyHeader> header =
      ReadNpyHeader({reinterpret_cast<const char*>(array.bytes.data()), array.bytes.size()});
  if (!header.ok()) return Annotate(header.status(), path);
  array.header = *std::move(header);
  ASSIGN_OR_RETURN(array.file, file->Identity());
  return array;
}

template <class Value>
absl::Status Convert(const NpyArray& array, std::vector<float>* floats) {
  floats->resize(array.header.values);
  for (uint64_t i = 0; i < array.header.values; ++i) {
    Value value;
    std::memcpy(&value, array.values() + i * sizeof(value), sizeof(value));
    (*floats)[i] = static_cast<float>(value);
    if (std::isfinite((*floats)[i])) continue;
    return absl::InvalidArgumentError(absl::StrCat(array.file.path, ": value ", i, ": found ",
                                                   value,
                                                   "; expected a finite number of float's range"));
  }
  return absl::OkStatus();
}

absl::Status ToFloats(const NpyArray& array, std::vector<float>* floats) {
  RETURN_IF_ERROR(CheckFitsInMemory(array.header.values, 1));
  switch (array.header.type) {
    case Type::kU1:
      floats->assign(array.values(), array.values() + array.header.values);
      return absl::OkStatus();
    case Type::kI4:
      return Convert<int32_t>(array, floats);
    case Type::kI8:
      return Convert<int64_t>(array, floats);
    case Type::kF4:
      return Convert<float>(array, floats);
    case Type::kF8:
      return Convert<double>(array, floats);
  }
  return absl::OkStatus();
}

// Of as many samples as `data` has.
absl::Status ReadLabels(const DatasetSpec& spec, DecodedData* data) {
  ASSIGN_OR_RETURN(NpyArray labels, ReadNpy(spec.labels));
  if (static_cast<uint64_t>(labels.header.shape[0]) != data->samples) {
    return absl::InvalidArgumentError(
        absl::StrCat(spec.labels, ": found labels of shape ", ShapeString(labels.header.shape),
                     "; expected ", data->samples, " of them, one for each sample of ", spec.path));
  }
  data->label_floats = static_cast<int64_t>(labels.header.values / data->samples);
  RETURN_IF_ERROR(ToFloats(labels, &data->labels));
  data->files.push_back(std::move(labels.file));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DecodedData> DecodeNpy(const DatasetSpec& spec) {
  ASSIGN_OR_RETURN(NpyArray features, ReadNpy(spec.path));
  const Shape& shape = features.header.shape;
  DecodedData data;
  data.samples = static_cast<uint64_t>(shape[0]);
  data.sample_shape.assign(shape.begin() + 1, shape.end());
  if (data.sample_shape.empty()) data.sample_shape = {1};
  data.files = {features.file};
  data.labels.resize(spec.labelled ? 0 : data.samples);
  if (spec.labelled) RETURN_IF_ERROR(ReadLabels(spec, &data));
  if (features.header.type == Type::kU1) {
    features.bytes.erase(features.bytes.begin(),
                         features.bytes.begin() + static_cast<int64_t>(features.header.begin));
    data.pixels = std::move(features.bytes);
  } else {
    RETURN_IF_ERROR(ToFloats(features, &data.features));
  }
  return data;
}

}  // namespace paracord
