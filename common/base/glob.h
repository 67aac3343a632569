// Names by a pattern: * stands for any characters, none included, ? for one.
#pragma once

#include <string_view>

namespace paracord {

// Whether the whole name is what the pattern says. In time of at most their lengths multiplied.
bool GlobMatches(std::string_view pattern, std::string_view name);

}  // namespace paracord
