// What a safetensors file says it holds: names, types, shapes and places of tensors.
//
//   u64 little-endian: length of the header
//   header: JSON, {"NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...,
//           "__metadata__": {"KEY": "TEXT", ...}}, perhaps with blanks at its end
//   data: the tensors' bytes, without gaps; offsets are counted from where they begin, half-open
//
// A header may lie: nothing of it is believed before it fits the file.   [door: nlohmann-json]
//
// Source: https://github.com/huggingface/safetensors, "Format".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace paracord {

struct StoredTensor {
  std::string name;
  std::string dtype;  // "F32"
  std::vector<int64_t> shape;
  uint64_t values = 0;  // in all
  uint64_t begin = 0;   // of its bytes, half-open, counted as data_offsets
  uint64_t end = 0;
};

// The longest header that is read: of some 100,000 tensors.
inline constexpr uint64_t kMostHeaderBytes = 16 << 20;

// `header`: without the length in front of it. `data_bytes`: what follows it. In the order of their
// bytes. InvalidArgument: what was found and what was expected.
absl::StatusOr<std::vector<StoredTensor>> ParseSafetensorsHeader(std::string_view header,
                                                                 uint64_t data_bytes);

// "F32": 4. 0: no type of the format.
uint64_t BytesOfType(std::string_view dtype);

// The name as it is put into messages: printable, and not too long.
std::string Shown(std::string_view name);

}  // namespace paracord
