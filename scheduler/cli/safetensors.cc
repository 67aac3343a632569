#include "scheduler/cli/safetensors.h"

#include "common/base/status.h"
#include "nlohmann/json.hpp"

namespace paracord {
namespace {

constexpr size_t kAlignment = 8;

}  // namespace

std::string SafetensorsHeader(const WeightsVersion& version, const std::string& digest) {
  nlohmann::ordered_json json;
  json["__metadata__"] = {{"format", "pt"},
                          {"job", version.job},
                          {"step", absl::StrCat(version.step)},
                          {"digest", digest}};
  uint64_t begin = 0;
  for (const TensorSpec& tensor : version.tensors) {
    const uint64_t end = begin + static_cast<uint64_t>(tensor.size()) * sizeof(float);
    json[tensor.name] = {{"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {begin, end}}};
    begin = end;
  }
  std::string text = json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  const uint64_t size = text.size();
  return std::string(reinterpret_cast<const char*>(&size), sizeof(size)) + text;
}

absl::Status SafetensorsWriter::Begin(const WeightsVersion& version) {
  version_ = version;
  RETURN_IF_ERROR(file_.Open());
  // The digest is known last; its place is as long as any.
  return file_.Append(SafetensorsHeader(version_, std::string(64, '0')));
}

absl::Status SafetensorsWriter::BeginTensor(const TensorSpec& tensor) {
  return digest_.BeginTensor(tensor);
}

absl::Status SafetensorsWriter::Add(const Payload& floats) {
  RETURN_IF_ERROR(digest_.Add(floats));
  for (const Payload::Run& run : floats.runs()) {
    RETURN_IF_ERROR(file_.Append({run.data, run.size}));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> SafetensorsWriter::Commit() {
  const std::string digest = digest_.Hex();
  RETURN_IF_ERROR(file_.Replace(0, SafetensorsHeader(version_, digest)));
  RETURN_IF_ERROR(file_.Commit());
  return digest;
}

}  // namespace paracord
