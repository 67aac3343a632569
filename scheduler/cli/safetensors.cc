#include "scheduler/cli/safetensors.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "common/base/status.h"
#include "nlohmann/json.hpp"

namespace paracord {
namespace {

constexpr size_t kAlignment = 8;

absl::Status SyncFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = fd >= 0 && fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) close(fd);
  if (synced) return absl::OkStatus();
  return absl::UnknownError(absl::StrCat(path, ": ", std::strerror(error)));
}

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

namespace {

// Where a link leads; the link itself stays.
std::string Target(const std::string& path) {
  std::error_code error;
  const std::filesystem::path target = std::filesystem::weakly_canonical(path, error);
  return error ? path : target.string();
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(std::string path)
    : path_(Target(path)), temporary_(absl::StrCat(path_, ".", getpid(), ".new")) {}

SafetensorsWriter::~SafetensorsWriter() {
  if (!file_.is_open()) return;
  file_.close();
  std::remove(temporary_.c_str());
}

absl::Status SafetensorsWriter::Begin(const WeightsVersion& version) {
  version_ = version;
  std::error_code error;
  const auto status = std::filesystem::status(path_, error);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path_, ": found something that is no file; nothing was written"));
  }
  file_.open(temporary_, std::ios::binary | std::ios::trunc);
  // The digest is known last; its place is as long as any.
  file_ << SafetensorsHeader(version_, std::string(64, '0'));
  return Checked();
}

absl::Status SafetensorsWriter::BeginTensor(const TensorSpec& tensor) {
  return digest_.BeginTensor(tensor);
}

absl::Status SafetensorsWriter::Add(const Payload& floats) {
  RETURN_IF_ERROR(digest_.Add(floats));
  for (const Payload::Run& run : floats.runs()) file_.write(run.data, run.size);
  return Checked();
}

absl::StatusOr<std::string> SafetensorsWriter::Commit() {
  const std::string digest = digest_.Hex();
  file_.seekp(0);
  file_ << SafetensorsHeader(version_, digest);
  file_.flush();
  RETURN_IF_ERROR(Checked());
  RETURN_IF_ERROR(SyncFile(temporary_));
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    return absl::UnknownError(absl::StrCat(path_, ": ", std::strerror(errno)));
  }
  file_.close();
  return digest;
}

absl::Status SafetensorsWriter::Checked() const {
  if (file_.good()) return absl::OkStatus();
  return absl::UnknownError(absl::StrCat("cannot write ", temporary_, ": ", std::strerror(errno)));
}

}  // namespace paracord
