#include "common/base/config.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/units.h"
#include "common/base/yaml_tree.h"

namespace paracord {
namespace {

// Errors in the order in which they were found, each once.
struct ErrorList {
  std::vector<ConfigError> errors;
  std::set<std::tuple<int, std::string, std::string>> seen;

  void Add(ConfigError error) {
    if (!seen.emplace(error.line, error.path, error.message).second) return;
    errors.push_back(std::move(error));
  }
};

std::string Shorten(const std::string& text) {
  constexpr size_t kMost = 60;
  return text.size() <= kMost ? text : text.substr(0, kMost) + "...";
}

std::string Describe(const YamlValue* value) {
  if (value == nullptr) return "nothing";
  switch (value->kind) {
    case YamlValue::Kind::kNull:
      return "nothing";
    case YamlValue::Kind::kScalar: {
      double number;  // "5" is seen to be text by its quotes
      const char* quote = !value->plain && absl::SimpleAtod(value->text, &number) ? "\"" : "'";
      return absl::StrCat(quote, Shorten(value->text), quote);
    }
    case YamlValue::Kind::kList:
      return absl::StrCat("a list of ", value->children.size());
    case YamlValue::Kind::kMap:
      return "a map";
  }
  return "";
}

bool Inside(double value, const Bounds& bounds) {
  return (bounds.above_low ? value > bounds.low : value >= bounds.low) &&
         (bounds.below_high ? value < bounds.high : value <= bounds.high);
}

std::string Digits(double value) {
  const bool whole = value == std::floor(value) && std::abs(value) < 1e15;
  return whole ? absl::StrCat(static_cast<int64_t>(value)) : absl::StrCat(value);
}

// "a number", "a number above 0", "a number from 1 to 4096", "a number from 0 to below 1".
std::string Describe(const std::string& what, const Bounds& bounds) {
  const bool low = std::isfinite(bounds.low), high = std::isfinite(bounds.high);
  const std::string least = Digits(bounds.low), most = Digits(bounds.high);
  const std::string until = absl::StrCat(bounds.below_high ? "below " : "", most);
  if (low && high) {
    return absl::StrCat(what, bounds.above_low ? " above " : " from ", least,
                        bounds.above_low ? " and up to " : " to ", until);
  }
  if (low) return absl::StrCat(what, bounds.above_low ? " above " : " of at least ", least);
  if (high) return absl::StrCat(what, bounds.below_high ? " below " : " of at most ", most);
  return what;
}

std::optional<int64_t> ToInteger(const YamlValue& value, const Bounds& bounds) {
  int64_t number;
  if (!value.plain || !absl::SimpleAtoi(value.text, &number)) return std::nullopt;
  if (!Inside(static_cast<double>(number), bounds)) return std::nullopt;
  return number;
}

std::optional<double> ToNumber(const YamlValue& value, const Bounds& bounds) {
  double number;
  if (!value.plain || !absl::SimpleAtod(value.text, &number)) return std::nullopt;
  if (!std::isfinite(number) || !Inside(number, bounds)) return std::nullopt;
  return number;
}

}  // namespace

std::string ErrorString(const ConfigError& error) {
  return absl::StrCat(error.line > 0 ? absl::StrCat("line ", error.line, ": ") : "", error.path,
                      error.path.empty() ? "" : ": ", error.message);
}

// A place: what stands there, and what has been said about it. Parents own their children, made
// when asked for.
struct ConfigNode::State {
  using Children = std::map<std::string, std::shared_ptr<State>>;

  ErrorList* errors = nullptr;
  State* parent = nullptr;           // null: the root
  const YamlValue* value = nullptr;  // null: missing
  int line = 0;
  std::string path;
  bool reported = false;
  bool unusable = false;  // missing or of the wrong kind, and reported
  Children children;      // of a map: the keys that somebody asked for; of a list: its items

  bool Is(YamlValue::Kind kind) const { return value != nullptr && value->kind == kind; }

  void Report(const std::string& message) {
    reported = true;
    errors->Add({line, path, message});
  }

  // Says once what is wrong here. If the whole that it would be part of is not there, that is what
  // is wrong.
  void ReportExpected(const std::string& expected, const std::string& hint = "") {
    if (value == nullptr && parent != nullptr && !parent->Is(YamlValue::Kind::kMap)) {
      return parent->ReportExpected("a map");
    }
    if (reported) return;
    unusable = true;
    const std::string found =
        value == nullptr ? "missing" : absl::StrCat("found ", Describe(value));
    Report(absl::StrCat(found, "; expected ", expected, hint));
  }

  State* Ask(const std::string& key, const YamlValue* found) {
    std::shared_ptr<State>& child = children[key];
    if (child == nullptr) {
      child = std::make_shared<State>();
      child->errors = errors;
      child->parent = this;
      child->value = found;
      child->line = found == nullptr ? line : found->line;
      child->path = path.empty() ? key : absl::StrCat(path, ".", key);
    }
    return child.get();
  }

  State* Ask(const std::string& key) {
    if (value != nullptr && !Is(YamlValue::Kind::kMap)) ReportExpected("a map");
    return Ask(key, value == nullptr ? nullptr : value->Find(key));
  }

  // The scalar here as `convert` reads it. Missing: nullopt, in silence if it `may_miss`. Else
  // reported.
  template <class Convert>
  auto Scalar(bool may_miss, const std::string& expected, Convert convert)
      -> decltype(convert(YamlValue())) {
    if (value == nullptr && may_miss) return std::nullopt;
    if (Is(YamlValue::Kind::kScalar)) {
      if (auto converted = convert(*value)) return converted;
    }
    ReportExpected(expected);
    return std::nullopt;
  }
  std::optional<std::string> String(bool may_miss) {
    return Scalar(may_miss, "text",
                  [](const YamlValue& found) { return std::optional<std::string>(found.text); });
  }
  std::optional<int64_t> Integer(bool may_miss, const Bounds& bounds) {
    return Scalar(may_miss, Describe("a whole number", bounds),
                  [&bounds](const YamlValue& found) { return ToInteger(found, bounds); });
  }
  std::optional<double> Number(bool may_miss, const Bounds& bounds) {
    return Scalar(may_miss, Describe("a number", bounds),
                  [&bounds](const YamlValue& found) { return ToNumber(found, bounds); });
  }
};

ConfigNode::Kind ConfigNode::kind() const {
  if (state_->value == nullptr) return Kind::kMissing;
  switch (state_->value->kind) {
    case YamlValue::Kind::kNull:
      return Kind::kNull;
    case YamlValue::Kind::kScalar:
      return Kind::kScalar;
    case YamlValue::Kind::kList:
      return Kind::kList;
    case YamlValue::Kind::kMap:
      return Kind::kMap;
  }
  return Kind::kMissing;
}

int ConfigNode::line() const { return state_->line; }
const std::string& ConfigNode::path() const { return state_->path; }

std::string ConfigNode::text() const {
  return state_->Is(YamlValue::Kind::kScalar) ? state_->value->text : "";
}

bool ConfigNode::faulty() const {
  if (state_->reported) return true;
  for (const State* at = state_->parent; at != nullptr; at = at->parent) {
    if (at->unusable) return true;
  }
  return false;
}

std::string ConfigNode::Found() const { return Describe(state_->value); }

bool ConfigNode::Has(const std::string& key) const { return Child(key).kind() != Kind::kMissing; }

ConfigNode ConfigNode::Child(const std::string& key) const {
  state_->Ask(key);
  return ConfigNode(state_->children[key]);
}

std::string ConfigNode::String(const std::string& key) const { return Child(key).AsString(); }

std::string ConfigNode::String(const std::string& key, const std::string& fallback) const {
  return state_->Ask(key)->String(true).value_or(fallback);
}

int64_t ConfigNode::Integer(const std::string& key, Bounds bounds) const {
  return Child(key).AsInteger(bounds);
}

int64_t ConfigNode::Integer(const std::string& key, int64_t fallback, Bounds bounds) const {
  return state_->Ask(key)->Integer(true, bounds).value_or(fallback);
}

double ConfigNode::Number(const std::string& key, double fallback, Bounds bounds) const {
  return state_->Ask(key)->Number(true, bounds).value_or(fallback);
}

bool ConfigNode::Bool(const std::string& key, bool fallback) const {
  const auto convert = [](const YamlValue& found) -> std::optional<bool> {
    if (found.plain && found.text == "true") return true;
    if (found.plain && found.text == "false") return false;
    return std::nullopt;
  };
  return state_->Ask(key)->Scalar(true, "true or false", convert).value_or(fallback);
}

size_t ConfigNode::Choice(const std::string& key, size_t fallback,
                          const std::vector<std::string>& words) const {
  return Has(key) ? Choice(key, words).value_or(fallback) : fallback;
}

std::optional<size_t> ConfigNode::Choice(const std::string& key,
                                         const std::vector<std::string>& words) const {
  return Child(key).AsChoice(words);
}

uint64_t ConfigNode::Bytes(const std::string& key, uint64_t fallback) const {
  const auto convert = [](const YamlValue& found) { return ParseBytes(found.text); };
  return state_->Ask(key)->Scalar(true, "a size, as in 8Gi or 150 MB", convert).value_or(fallback);
}

int64_t ConfigNode::Nanoseconds(const std::string& key, int64_t fallback) const {
  const auto convert = [](const YamlValue& found) { return ParseNanoseconds(found.text); };
  return state_->Ask(key)
      ->Scalar(true, "a duration with its unit, as in 500ms or 12h", convert)
      .value_or(fallback);
}

std::string ConfigNode::AsString() const { return state_->String(false).value_or(""); }
int64_t ConfigNode::AsInteger(Bounds bounds) const {
  return state_->Integer(false, bounds).value_or(0);
}
double ConfigNode::AsNumber(Bounds bounds) const {
  return state_->Number(false, bounds).value_or(0);
}

std::optional<size_t> ConfigNode::AsChoice(const std::vector<std::string>& words) const {
  const auto at = std::find(words.begin(), words.end(), text());
  if (kind() == Kind::kScalar && at != words.end()) return static_cast<size_t>(at - words.begin());
  state_->ReportExpected(
      absl::StrCat(words.size() > 1 ? "one of " : "", absl::StrJoin(words, ", ")),
      DidYouMean(text(), words));
  return std::nullopt;
}

std::vector<ConfigNode> ConfigNode::Items() const {
  if (!state_->Is(YamlValue::Kind::kList)) {
    state_->ReportExpected("a list");
    return {};
  }
  std::vector<ConfigNode> items;
  for (const YamlValue& item : state_->value->children) {
    const std::string key = absl::StrCat(items.size());
    state_->Ask(key, &item);
    items.push_back(ConfigNode(state_->children[key]));
  }
  return items;
}

std::vector<std::string> ConfigNode::Keys() const {
  std::vector<std::string> keys;
  if (!state_->Is(YamlValue::Kind::kMap)) return keys;
  for (const YamlValue& child : state_->value->children) keys.push_back(child.key);
  return keys;
}

void ConfigNode::Error(const std::string& message) const { state_->Report(message); }

void ConfigNode::Finish() const {
  if (!state_->Is(YamlValue::Kind::kMap)) return;
  std::vector<std::string> known;
  for (const auto& [key, child] : state_->children) known.push_back(key);
  for (const YamlValue& child : state_->value->children) {
    if (state_->children.count(child.key) > 0) continue;
    std::string hint = DidYouMean(child.key, known);
    if (hint.empty()) hint = absl::StrCat("; known here: ", absl::StrJoin(known, ", "));
    const std::string path =
        state_->path.empty() ? child.key : absl::StrCat(state_->path, ".", child.key);
    state_->errors->Add({child.line, Shorten(path), absl::StrCat("unknown key", hint)});
  }
}

struct ConfigReader::Document {
  std::optional<YamlValue> tree;
  ErrorList list;
  std::shared_ptr<ConfigNode::State> root;
};

ConfigReader::ConfigReader(const std::string& text) : document_(std::make_shared<Document>()) {
  std::vector<YamlError> errors;
  document_->tree = ReadYaml(text, &errors);
  for (const YamlError& error : errors) document_->list.Add({error.line, "", error.message});
  document_->root = std::make_shared<ConfigNode::State>();
  ConfigNode::State& root = *document_->root;
  root.errors = &document_->list;
  root.line = 1;
  root.reported = !document_->tree.has_value();
  root.unusable = root.reported;
  if (root.reported) return;
  YamlValue& tree = *document_->tree;
  if (tree.kind == YamlValue::Kind::kNull) tree.kind = YamlValue::Kind::kMap;
  root.value = &tree;
}

ConfigReader::~ConfigReader() = default;

ConfigNode ConfigReader::root() const { return ConfigNode(document_->root); }

std::vector<ConfigError> ConfigReader::errors() const {
  std::vector<ConfigError> sorted = document_->list.errors;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const ConfigError& a, const ConfigError& b) { return a.line < b.line; });
  return sorted;
}

}  // namespace paracord
