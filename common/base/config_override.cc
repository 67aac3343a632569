// SetConfigValues: "--set train.batch_size=64".
#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/config.h"
#include "common/base/yaml_tree.h"
#include "common/base/yaml_write.h"

namespace paracord {
namespace {

using Path = std::vector<std::string>;

constexpr size_t kLongestPath = 20;

// Values from an override have no line of their own.
void ForgetLines(YamlValue& value) {
  value.line = 0;
  for (YamlValue& child : value.children) ForgetLines(child);
}

// The item that `name` counts to. Null: the message says why.
YamlValue* FindItem(YamlValue& list, const std::string& name, std::string* message) {
  size_t index;
  if (absl::SimpleAtoi(name, &index) && index < list.children.size()) return &list.children[index];
  *message =
      absl::StrCat("'", name, "' does not count to an item of a list of ", list.children.size());
  return nullptr;
}

YamlValue* FindOrAdd(YamlValue& map, const std::string& name) {
  if (YamlValue* found = map.Find(name)) return found;
  YamlValue made;
  made.key = name;
  map.children.push_back(std::move(made));
  return &map.children.back();
}

// The place that `path` leads to; maps on the way are made. Null: the message says why.
YamlValue* Walk(YamlValue& root, const Path& path, std::string* message) {
  YamlValue* at = &root;
  for (const std::string& name : path) {
    if (name.empty()) {
      *message = "a part of the path is empty";
      return nullptr;
    }
    if (at->kind == YamlValue::Kind::kScalar) {
      *message = absl::StrCat("nothing can be set below '", at->text, "'");
      return nullptr;
    }
    if (at->kind == YamlValue::Kind::kList) {
      at = FindItem(*at, name, message);
      if (at == nullptr) return nullptr;
      continue;
    }
    at->kind = YamlValue::Kind::kMap;
    at = FindOrAdd(*at, name);
  }
  return at;
}

// Empty: done. Otherwise what is wrong; the tree may then be half changed.
std::string Set(YamlValue& root, const Path& path, YamlValue value) {
  std::string message;
  YamlValue* place = Walk(root, path, &message);
  if (place == nullptr) return message;
  if (value.kind == YamlValue::Kind::kNull) {
    YamlValue* parent = Walk(root, Path(path.begin(), path.end() - 1), &message);
    parent->children.erase(parent->children.begin() + (place - parent->children.data()));
    return "";
  }
  ForgetLines(value);
  value.key = place->key;
  value.line = place->line;
  *place = std::move(value);
  return "";
}

std::string Apply(YamlValue& root, const std::string& override_text) {
  const size_t equals = override_text.find('=');
  if (equals == std::string::npos || equals == 0) return "expected key.path=value";
  std::vector<YamlError> errors;
  std::optional<YamlValue> value = ReadYaml(override_text.substr(equals + 1), &errors);
  if (!errors.empty()) return absl::StrCat("the value is ", errors[0].message);
  const Path path = absl::StrSplit(override_text.substr(0, equals), '.');
  if (path.size() > kLongestPath) return "the path has too many parts";
  return Set(root, path, std::move(*value));
}

}  // namespace

std::string SetConfigValues(const std::string& text, const std::vector<std::string>& overrides,
                            std::vector<ConfigError>* errors) {
  if (overrides.empty()) return text;
  std::vector<YamlError> broken;
  std::optional<YamlValue> root = ReadYaml(text, &broken);
  for (const YamlError& error : broken) errors->push_back({error.line, "", error.message});
  if (!broken.empty()) return text;
  const size_t before = errors->size();
  for (const std::string& one : overrides) {
    const std::string message = Apply(*root, one);
    if (!message.empty()) errors->push_back({0, absl::StrCat("--set ", one), message});
  }
  return errors->size() == before ? WriteYaml(*root) : text;
}

}  // namespace paracord
