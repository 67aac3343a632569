// A text file as a whole, unpacked if it is gzip by its content.   [door: zlib]
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace paracord {

// InvalidArgument with the path: no regular file, not readable, torn or damaged.
absl::StatusOr<std::string> ReadText(const std::string& path);

}  // namespace paracord
