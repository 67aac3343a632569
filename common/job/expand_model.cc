#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/yaml_write.h"
#include "common/job/parse_model.h"

namespace paracord {
namespace {

// On one line.
std::string Flat(YamlValue value) {
  const auto forget_lines = [](auto&& self, YamlValue* at) -> void {
    at->line = 0;
    for (YamlValue& child : at->children) self(self, &child);
  };
  forget_lines(forget_lines, &value);
  return WriteYaml(value);
}

}  // namespace

std::string ExpandModel(const std::string& text) {
  std::vector<YamlError> errors;
  const std::optional<YamlValue> document = ReadYaml(text, &errors);
  const YamlValue* section = document ? document->Find("model") : nullptr;
  if (section == nullptr) return "";
  const ConfigReader reader(text);
  const ParsedModel model = ParseModel(reader.root().Child("model"));
  std::string out =
      absl::StrCat("model:\n  input: ", ShapeString(model.spec.input), "\n  layers:\n");
  if (model.expanded) {
    for (const std::string& layer : model.expanded->layers) {
      absl::StrAppend(&out, "    - ", layer, "\n");
    }
    if (section->Find("loss") == nullptr) {
      absl::StrAppend(&out, "  loss: ", Name(model.spec.loss), "\n");
    }
  } else if (const YamlValue* layers = section->Find("layers")) {
    for (const YamlValue& layer : layers->children) absl::StrAppend(&out, "    - ", Flat(layer));
  }
  for (const YamlValue& child : section->children) {
    if (child.key == "input" || child.key == "layers" || child.key == "preset") continue;
    absl::StrAppend(&out, "  ", child.key, ": ", Flat(child));
  }
  return out;
}

}  // namespace paracord
