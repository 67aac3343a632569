// The header of a npy file: numpy's format for one array.
//
//   0   6   "\x93NUMPY"
//   6   2   version: major 1 to 3, minor
//   8   2   (version 1) or 4 bytes: L, length of the text, little-endian
//   ..  L   text: {'descr': '<f4', 'fortran_order': False, 'shape': (60000, 28, 28), }, then blanks
//   ..      values, the last index fastest; the file ends with the last
//
// Read here: u1, and little-endian i4, i8, f4 and f8, in C order. Source: NumPy enhancement
// proposal 1, "A Simple File Format for NumPy Arrays".
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/job/model_spec.h"

namespace paracord {

struct NpyHeader {
  enum class Type { kU1, kI4, kI8, kF4, kF8 };
  Type type = Type::kU1;
  Shape shape;          // at least one extent, all at least 1
  uint64_t values = 0;  // in all
  uint64_t begin = 0;   // where the values begin

  uint64_t width() const;  // bytes a value
};

// Of a whole file. InvalidArgument says what was found and expected; the values' bytes must be
// there, and nothing after them.
absl::StatusOr<NpyHeader> ReadNpyHeader(std::string_view file);

}  // namespace paracord
