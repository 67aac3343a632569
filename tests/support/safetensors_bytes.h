// Safetensors files made in memory, good ones and such whose header lies.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace paracord {

// The length of `header`, the header, the data.
inline std::string SafetensorsBytes(const std::string& header, const std::string& data) {
  const uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof(length)) + header + data;
}

inline std::string FloatBytes(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

struct NamedTensor {
  std::string name;
  std::vector<int64_t> shape;
  std::string bytes;
  std::string dtype = "F32";
};

inline std::string SafetensorsOf(const std::vector<NamedTensor>& tensors) {
  std::string header = "{\"__metadata__\": {\"format\": \"pt\"}", data;
  for (const NamedTensor& tensor : tensors) {
    const size_t begin = data.size();
    data += tensor.bytes;
    header += absl::StrCat(", \"", tensor.name, "\": {\"dtype\": \"", tensor.dtype,
                           "\", \"shape\": [", absl::StrJoin(tensor.shape, ", "),
                           "], \"data_offsets\": [", begin, ", ", data.size(), "]}");
  }
  return SafetensorsBytes(header + "}", data);
}

}  // namespace paracord
