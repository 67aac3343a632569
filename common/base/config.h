// YAML to plain structs, every error at once: line, what was found, what was expected, the nearest
// known key.
//
//   ConfigReader reader(text);
//   ConfigNode root = reader.root();
//   options.bind = root.String("bind", "127.0.0.1:0");    // a default: the key may be missing
//   options.shards = root.Integer("shards", 1, {1, 64});  // out of range: an error, the default
//   root.Finish();                                        // keys nobody asked for are errors
//   if (!reader.errors().empty()) ...
//
// A node that is missing or of the wrong kind reports once and then answers defaults, so that
// callers need no branches; what is below it is not reported again. Broken YAML is one error with
// its line, and the root then answers defaults in silence. An empty document is an empty map. Any
// bytes are safe (see yaml_tree). Not thread-safe.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/nearest.h"

namespace paracord {

struct ConfigError {
  int line = 0;      // 1-based; 0: the document as a whole
  std::string path;  // "train.optimizer.lr"; empty: the document
  std::string message;
};

// "line 4: train.batchsize: unknown key; did you mean 'batch_size'?"
std::string ErrorString(const ConfigError& error);

class ConfigReader;

// What a number must lie in. The ends are allowed unless said otherwise. Numbers are always finite.
struct Bounds {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool above_low = false;   // `low` itself is not allowed
  bool below_high = false;  // `high` itself is not allowed
};

// One place in the document. Copies are cheap and refer to the same place; they must not outlive
// the reader.
class ConfigNode {
 public:
  enum class Kind { kMissing, kNull, kScalar, kList, kMap };

  Kind kind() const;
  int line() const;
  const std::string& path() const;
  std::string text() const;  // scalar as written; "" otherwise
  // Something was reported here, or what it is part of was reported missing or of the wrong kind.
  bool faulty() const;
  std::string Found() const;  // for messages: "'512'", "a list of 3", "a map", "nothing"

  // Children of a map; asking makes the key known. Missing ones are answered with the default (the
  // versions without one report "missing; expected ...").
  bool Has(const std::string& key) const;
  ConfigNode Child(const std::string& key) const;  // kMissing if it is not there (no error)
  std::string String(const std::string& key) const;
  std::string String(const std::string& key, const std::string& fallback) const;
  int64_t Integer(const std::string& key, Bounds bounds = {}) const;
  int64_t Integer(const std::string& key, int64_t fallback, Bounds bounds) const;
  double Number(const std::string& key, double fallback, Bounds bounds = {}) const;
  bool Bool(const std::string& key, bool fallback) const;
  // One of `words`; returns its index. Reports found, the list, and the nearest.
  size_t Choice(const std::string& key, size_t fallback,
                const std::vector<std::string>& words) const;
  // Without a default: nullopt if it is missing or wrong (reported).
  std::optional<size_t> Choice(const std::string& key, const std::vector<std::string>& words) const;
  // "8Gi", "150 MB", 1024 -> bytes. "500ms", "12h", "2 s" -> nanoseconds. (See units.h.)
  uint64_t Bytes(const std::string& key, uint64_t fallback) const;
  int64_t Nanoseconds(const std::string& key, int64_t fallback) const;

  // The same on this node itself (for list items).
  std::string AsString() const;
  int64_t AsInteger(Bounds bounds = {}) const;
  double AsNumber(Bounds bounds = {}) const;
  std::optional<size_t> AsChoice(const std::vector<std::string>& words) const;

  std::vector<ConfigNode> Items() const;  // of a list; not a list: an error and none
  std::vector<std::string> Keys() const;  // of a map, in order

  // Records an error at this node.
  void Error(const std::string& message) const;
  // Reports every key of this map that nobody asked for, with the nearest known one.
  void Finish() const;

 private:
  friend class ConfigReader;
  struct State;
  explicit ConfigNode(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

class ConfigReader {
 public:
  explicit ConfigReader(const std::string& text);
  ~ConfigReader();
  ConfigNode root() const;
  // Sorted by line.
  std::vector<ConfigError> errors() const;

 private:
  struct Document;
  std::shared_ptr<Document> document_;
};

// The document with each "a.b.c=VALUE" (VALUE is YAML) set, as YAML text; list items by index
// ("model.layers.0"). Maps on the way are made; VALUE null takes the key out. Without overrides the
// text comes back as it is; otherwise without its comments, but each value keeps its line. Errors:
// what is wrong with the text (by line) or with an override (line 0); the text then comes back as
// it is.
std::string SetConfigValues(const std::string& text, const std::vector<std::string>& overrides,
                            std::vector<ConfigError>* errors);

}  // namespace paracord
