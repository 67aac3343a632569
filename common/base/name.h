// The names that people give: of jobs and of members. They become parts of ids, paths and keys, so
// there is one rule for all of them.
#pragma once

#include <string>

#include "common/base/config.h"

namespace paracord {

inline constexpr const char* kNameRule =
    "at most 63 letters, digits, '-', '_' and '.', a letter or digit first";
bool IsName(const std::string& text);

// The key `name` of `root`, `fallback` if it is missing; one that breaks the rule is reported
// there.
std::string ReadName(const ConfigNode& root, const std::string& fallback);

}  // namespace paracord
