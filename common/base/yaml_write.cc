#include "common/base/yaml_write.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"

namespace paracord {
namespace {

// Letters, digits and marks that mean nothing to YAML: surely the same scalar without quotes.
bool IsSafe(const std::string& text) {
  const auto word = [](char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '+';
  };
  if (text.empty() || text.back() == ' ' || text == "null" || text == "Null" || text == "NULL")
    return false;
  if (!word(text[0]) && !(text[0] == '-' && text.size() > 1 && word(text[1]))) return false;
  if (text.compare(0, 3, "...") == 0) return false;
  return std::all_of(text.begin(), text.end(),
                     [&word](char c) { return word(c) || c == '-' || c == '/' || c == ' '; });
}

std::string Quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') out += '\\';
    if (byte < 32 || byte == 127) {
      absl::StrAppendFormat(&out, "\\x%02x", byte);
    } else {
      out += c;
    }
  }
  return out + "\"";
}

// Writes in flow style, where a line break may stand between any two values: so lines can be kept.
class FlowWriter {
 public:
  std::string text() && { return std::move(out_); }

  void Write(const YamlValue& value) {
    switch (value.kind) {
      case YamlValue::Kind::kNull:
        out_ += "null";
        return;
      case YamlValue::Kind::kScalar:
        Scalar(value.text, value.plain);
        return;
      case YamlValue::Kind::kList:
        return Children(value, '[', ']');
      case YamlValue::Kind::kMap:
        return Children(value, '{', '}');
    }
  }

 private:
  void Children(const YamlValue& value, char open, char close) {
    out_ += open;
    bool first = true;
    for (const YamlValue& child : value.children) {
      if (!first) out_ += ", ";
      first = false;
      MoveTo(child.line);
      if (value.kind == YamlValue::Kind::kMap) {
        Scalar(child.key, true);
        out_ += ": ";
      }
      Write(child);
    }
    out_ += close;
  }

  void MoveTo(int line) {
    if (line <= line_) return;
    if (out_.back() == ' ') out_.pop_back();
    out_.append(static_cast<size_t>(line - line_), '\n');
    out_ += "  ";
    line_ = line;
  }

  void Scalar(const std::string& text, bool plain) {
    out_ += plain ? YamlScalar(text) : Quoted(text);
  }

  std::string out_;
  int line_ = 1;
};

}  // namespace

std::string YamlScalar(const std::string& text) { return IsSafe(text) ? text : Quoted(text); }

std::string WriteYaml(const YamlValue& value) {
  FlowWriter writer;
  writer.Write(value);
  return std::move(writer).text() + "\n";
}

}  // namespace paracord
