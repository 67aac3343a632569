// YAML text to a plain tree.   [door: yaml-cpp]
//
// Safe for any bytes: nothing is thrown, and what is larger or deeper than a configuration ever is,
// also through aliases, is refused. Aliases are expanded; tags, several documents and keys that are
// no words are errors.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace paracord {

struct YamlValue {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  int line = 0;                     // 1-based; of its key, if it is in a map; 0: not from a text
  std::string key;                  // its name, if it is in a map
  std::string text;                 // of a scalar
  bool plain = true;                // a scalar without quotes
  std::vector<YamlValue> children;  // of a list or a map, in order

  const YamlValue* Find(const std::string& name) const;  // child of a map; null if there is none
  YamlValue* Find(const std::string& name);
};

struct YamlError {
  int line = 0;  // 0: the document as a whole
  std::string message;
};

// The one document of `text` (an empty text: kNull). A key that is there twice is an error and its
// first value counts, so that the rest can be checked too; anything else that is wrong is one error
// and no value.
std::optional<YamlValue> ReadYaml(const std::string& text, std::vector<YamlError>* errors);

}  // namespace paracord
