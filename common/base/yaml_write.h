// A tree of YAML values as text. Pure; any thread.
#pragma once

#include <string>

#include "common/base/yaml_tree.h"

namespace paracord {

// Text that ReadYaml reads back as `value`. Each value from a text stands in the line it came from,
// as far as order allows, so that errors found later still point to where a person wrote it.
std::string WriteYaml(const YamlValue& value);

// One scalar, in quotes if it needs them.
std::string YamlScalar(const std::string& text);

}  // namespace paracord
