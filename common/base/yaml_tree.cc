#include "common/base/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <exception>
#include <map>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace paracord {
namespace {

// Ends the document. Without it a quoted scalar that is never closed would be taken to end with the
// text.
constexpr const char* kEnd = "\n...\n";
constexpr size_t kMostBytes = 1 << 20;  // of the text; of all scalars after aliases are expanded
constexpr size_t kMostNodes = 100'000;
constexpr size_t kMostDepth = 100;

struct Extent {
  size_t nodes = 1;
  size_t bytes = 0;
  size_t depth = 1;
};

Extent Measure(const YamlValue& value) {
  Extent all{1, value.key.size() + value.text.size(), 1};
  for (const YamlValue& child : value.children) {
    const Extent part = Measure(child);
    all.nodes += part.nodes;
    all.bytes += part.bytes;
    all.depth = std::max(all.depth, part.depth + 1);
  }
  return all;
}

// Builds the tree from the parser's events. After the first fatal error it only listens.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::vector<YamlError>* errors) : errors_(errors) {}

  bool failed() const { return failed_; }
  YamlValue&& root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) Fail(mark, "a second document begins here; expected one");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { Whole(mark, anchor, {}); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    CheckTag(mark, tag);
    YamlValue value;
    value.kind = YamlValue::Kind::kScalar;
    value.text = text;
    value.plain = tag == "?";
    Whole(mark, anchor, std::move(value));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (failed_) return;
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) return Fail(mark, "an alias inside the value it stands for");
    const Extent extent = Measure(found->second);
    if (!Grow(mark, extent)) return;
    YamlValue value = found->second;
    value.line = mark.line + 1;
    Add(std::move(value));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(YamlValue::Kind::kList, mark, tag, anchor);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(YamlValue::Kind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Frame {  // a list or map that is not closed yet
    YamlValue value;
    YAML::anchor_t anchor;
    std::map<std::string, int> lines;  // of a map's keys
    bool has_key = false;
    bool drop = false;  // the value of a repeated key
    std::string key;
    int key_line = 0;
  };

  void Fail(const YAML::Mark& mark, const std::string& message) {
    if (!failed_) errors_->push_back({mark.line + 1, message});
    failed_ = true;
  }

  // YAML::Parser calls a plain scalar's tag "?", a quoted one's "!", and "" or "?" a collection's.
  void CheckTag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.size() > 1)
      Fail(mark, absl::StrCat("the tag '", tag, "'; expected a value without one"));
  }

  bool Grow(const YAML::Mark& mark, const Extent& more) {
    nodes_ += more.nodes;
    bytes_ += more.bytes;
    const bool fits =
        nodes_ <= kMostNodes && bytes_ <= kMostBytes && stack_.size() + more.depth <= kMostDepth;
    if (!fits) {
      Fail(mark, absl::StrCat("too much for a configuration; at most ", kMostNodes, " values, ",
                              kMostBytes, " bytes, ", kMostDepth, " levels"));
    }
    return fits;
  }

  void Whole(const YAML::Mark& mark, YAML::anchor_t anchor, YamlValue value) {
    if (failed_ || !Grow(mark, Measure(value))) return;
    value.line = mark.line + 1;
    if (anchor != 0) anchors_[anchor] = value;
    Add(std::move(value));
  }

  void Open(YamlValue::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    CheckTag(mark, tag);
    if (failed_ || !Grow(mark, {})) return;
    Frame frame;
    frame.value.kind = kind;
    frame.value.line = mark.line + 1;
    frame.anchor = anchor;
    stack_.push_back(std::move(frame));
  }

  void Close() {
    if (failed_) return;
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    if (frame.anchor != 0) anchors_[frame.anchor] = frame.value;
    Add(std::move(frame.value));
  }

  void Add(YamlValue value) {
    if (stack_.empty()) {
      root_ = std::move(value);
      return;
    }
    Frame& top = stack_.back();
    if (top.value.kind == YamlValue::Kind::kList) {
      value.key.clear();
      top.value.children.push_back(std::move(value));
    } else if (!top.has_key) {
      TakeKey(top, value);
    } else {
      TakeValue(top, std::move(value));
    }
  }

  void TakeKey(Frame& top, const YamlValue& key) {
    if (key.kind != YamlValue::Kind::kScalar) {
      YAML::Mark mark;
      mark.line = key.line - 1;
      return Fail(mark, "a key that is no word");
    }
    const auto [first, added] = top.lines.emplace(key.text, key.line);
    if (!added) {
      errors_->push_back(
          {key.line, absl::StrCat("the key '", key.text, "' is here twice; it was set in line ",
                                  first->second)});
    }
    top.has_key = true;
    top.drop = !added;
    top.key = key.text;
    top.key_line = key.line;
  }

  void TakeValue(Frame& top, YamlValue value) {
    top.has_key = false;
    if (top.drop) return;
    value.key = std::move(top.key);
    value.line = top.key_line;
    top.value.children.push_back(std::move(value));
  }

  std::vector<YamlError>* errors_;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, YamlValue> anchors_;
  YamlValue root_;
  size_t nodes_ = 0;
  size_t bytes_ = 0;
  int documents_ = 0;
  bool failed_ = false;
};

// yaml-cpp takes byte 4 for the end of the text and guesses at UTF-16, so such bytes do not reach
// it.
bool CheckBytes(const std::string& text, std::vector<YamlError>* errors) {
  if (text.size() > kMostBytes) {
    errors->push_back(
        {0, absl::StrCat("found ", text.size(), " bytes; expected at most ", kMostBytes)});
    return false;
  }
  int line = 1;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == '\n') ++line;
    if ((byte >= 32 && byte != 127) || byte == '\n' || byte == '\t' || byte == '\r') continue;
    errors->push_back(
        {line, absl::StrFormat("found the control character 0x%02x; expected text", byte)});
    return false;
  }
  return true;
}

}  // namespace

const YamlValue* YamlValue::Find(const std::string& name) const {
  if (kind != Kind::kMap) return nullptr;
  for (const YamlValue& child : children) {
    if (child.key == name) return &child;
  }
  return nullptr;
}

YamlValue* YamlValue::Find(const std::string& name) {
  return const_cast<YamlValue*>(std::as_const(*this).Find(name));
}

std::optional<YamlValue> ReadYaml(const std::string& text, std::vector<YamlError>* errors) {
  if (!CheckBytes(text, errors)) return std::nullopt;
  TreeBuilder builder(errors);
  try {
    std::istringstream stream(text + kEnd);
    YAML::Parser parser(stream);
    while (!builder.failed() && parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    if (builder.failed()) return std::nullopt;
    const int lines = static_cast<int>(std::count(text.begin(), text.end(), '\n')) + 1;
    const bool open_quote = error.msg == YAML::ErrorMsg::DOC_IN_SCALAR;
    errors->push_back({std::min(error.mark.line + 1, lines),
                       "broken YAML: " + (open_quote ? "a quote is never closed" : error.msg)});
    return std::nullopt;
  } catch (const std::exception& error) {
    if (!builder.failed()) errors->push_back({0, absl::StrCat("broken YAML: ", error.what())});
    return std::nullopt;
  }
  if (builder.failed()) return std::nullopt;
  return builder.root();
}

}  // namespace paracord
