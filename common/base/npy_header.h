// The header of a npy file of little-endian float32, numpy's format for one array, version 1.0;
// drawn in worker/data/npy_header.h. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace paracord {

// As long as a multiple of 64; the values follow, the last index fastest.
std::string NpyFloatHeader(const std::vector<int64_t>& shape);

}  // namespace paracord
