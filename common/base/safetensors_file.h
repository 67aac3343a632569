// Reads tensors from a safetensors file as float32. The header is checked when the file is opened;
// values are read when they are asked for. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/safetensors_header.h"

namespace paracord {

class SafetensorsFile {
 public:
  // NotFound: it cannot be opened. InvalidArgument: it is no such file, or its header lies;
  // PATH: what was found and what was expected.
  static absl::StatusOr<std::unique_ptr<SafetensorsFile>> Open(const std::string& path);
  ~SafetensorsFile();
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;

  const std::string& path() const { return path_; }
  const std::vector<StoredTensor>& tensors() const { return tensors_; }

  // Can its values be read? F32, F16 and BF16 can, exactly.
  static bool IsReadable(const StoredTensor& tensor);
  // Values [offset, offset + count) of one of `tensors()`. InvalidArgument: it is of a type that is
  // not read, or too short. DataLoss: the file has become shorter, or its disk fails.
  absl::Status Read(const StoredTensor& tensor, uint64_t offset, uint64_t count, float* out) const;

 private:
  SafetensorsFile(std::string path, int file) : path_(std::move(path)), file_(file) {}
  absl::Status ReadHeader();
  absl::Status ReadBytes(uint64_t at, uint64_t count, void* out) const;

  const std::string path_;
  const int file_;
  std::vector<StoredTensor> tensors_;
  uint64_t data_ = 0;  // where they begin
};

}  // namespace paracord
