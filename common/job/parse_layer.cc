#include "common/job/parse_layer.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/name.h"
#include "common/job/connect_layer.h"
#include "common/job/whole_floats.h"

namespace paracord {
namespace {

constexpr double kMostWindow = 32767;
constexpr double kMostHeads = 65536;

// How a layer may be written beside as a map of settings.
enum class Form { kWordOnly, kWordOrMap, kNumberOrMap, kMapOnly, kListOnly };

struct Word {
  LayerKind kind;
  Form form;
  const char* example;
};

constexpr Word kWords[] = {
    {LayerKind::kLinear, Form::kNumberOrMap, "{linear: 512}"},
    {LayerKind::kRelu, Form::kWordOnly, ""},
    {LayerKind::kTanh, Form::kWordOnly, ""},
    {LayerKind::kSigmoid, Form::kWordOnly, ""},
    {LayerKind::kGelu, Form::kWordOnly, ""},
    {LayerKind::kSilu, Form::kWordOnly, ""},
    {LayerKind::kSwiglu, Form::kWordOnly, ""},
    {LayerKind::kDropout, Form::kNumberOrMap, "{dropout: 0.1}"},
    {LayerKind::kFlatten, Form::kWordOnly, ""},
    {LayerKind::kTranspose, Form::kWordOnly, ""},
    {LayerKind::kConv2d, Form::kMapOnly, "{conv2d: {channels: 32, kernel: 3}}"},
    {LayerKind::kMaxPool, Form::kNumberOrMap, "{max_pool: 2}"},
    {LayerKind::kAvgPool, Form::kNumberOrMap, "{avg_pool: 2}"},
    {LayerKind::kGlobalAvgPool, Form::kWordOnly, ""},
    {LayerKind::kBatchNorm, Form::kWordOrMap, ""},
    {LayerKind::kGroupNorm, Form::kNumberOrMap, "{group_norm: 8}"},
    {LayerKind::kLayerNorm, Form::kWordOrMap, ""},
    {LayerKind::kRmsNorm, Form::kWordOrMap, ""},
    {LayerKind::kEmbedding, Form::kMapOnly, "{embedding: {vocabulary: 256, width: 128}}"},
    {LayerKind::kColumns, Form::kListOnly, "{columns: [0, 4]}"},
    {LayerKind::kPositions, Form::kWordOrMap, ""},
    {LayerKind::kAttention, Form::kNumberOrMap, "{attention: 8}"},
};

std::vector<std::string> LayerNames() {
  std::vector<std::string> names;
  for (const Word& word : kWords) names.push_back(Name(word.kind));
  names.push_back("residual");
  names.push_back("repeat");
  names.push_back("concat");
  return names;
}

// What the settings say, from a map or, for the one that matters most, the number alone.
class SettingsReader {
 public:
  SettingsReader(const ConfigNode& node, WrittenLayer* layer)
      : node_(node), layer_(*layer), spec_(layer->spec) {}

  bool Read(Form form) {
    ReadOwn();
    if (is_map() && HasWeights(spec_.kind)) ReadName();
    if (!is_map() && form == Form::kWordOrMap && node_.kind() != ConfigNode::Kind::kMissing) {
      node_.Error(absl::StrCat("found ", node_.Found(), "; expected a map of settings, or '",
                               Name(spec_.kind), "' alone"));
      return false;
    }
    if (is_map()) node_.Finish();
    return good_;
  }

 private:
  bool is_map() const { return node_.kind() == ConfigNode::Kind::kMap; }
  // The setting that a number alone is about.
  ConfigNode Main(const std::string& key) const { return is_map() ? node_.Child(key) : node_; }
  void Note(const ConfigNode& node) { good_ = good_ && !node.faulty(); }

  int64_t Whole(const ConfigNode& node, Bounds bounds) {
    const int64_t value = node.AsInteger(bounds);
    Note(node);
    return value;
  }
  int64_t Whole(const std::string& key, int64_t fallback, Bounds bounds) {
    if (!is_map()) return fallback;
    const int64_t value = node_.Integer(key, fallback, bounds);
    Note(node_.Child(key));
    return value;
  }
  std::vector<int64_t> WholeList(const ConfigNode& node, Bounds bounds) {
    std::vector<int64_t> values;
    for (const ConfigNode& item : node.Items()) values.push_back(Whole(item, bounds));
    if (values.empty() && !node.faulty()) {
      node.Error("found an empty list; expected a number at least");
    }
    Note(node);
    return values;
  }
  bool Flag(const std::string& key, bool fallback) {
    return is_map() ? node_.Bool(key, fallback) : fallback;
  }

  void ReadOwn() {
    switch (spec_.kind) {
      case LayerKind::kLinear:
        return ReadLinear();
      case LayerKind::kDropout: {
        const ConfigNode rate = Main("rate");
        spec_.rate = rate.AsNumber({.low = 0, .high = 1, .below_high = true});
        return Note(rate);
      }
      case LayerKind::kConv2d:
        return ReadConv();
      case LayerKind::kMaxPool:
      case LayerKind::kAvgPool:
        spec_.kernel = Whole(Main("size"), {1, kMostWindow});
        spec_.stride = Whole("stride", spec_.kernel, {1, kMostWindow});
        spec_.padding = Whole("padding", 0, {0, kMostWindow});
        return;
      case LayerKind::kGroupNorm:
        spec_.groups = Whole(Main("groups"), {1, kMostExtent});
        return ReadNorm();
      case LayerKind::kBatchNorm:
      case LayerKind::kLayerNorm:
      case LayerKind::kRmsNorm:
        return ReadNorm();
      case LayerKind::kEmbedding:
        return ReadEmbedding();
      case LayerKind::kColumns:
        spec_.columns = WholeList(node_, {0, kMostExtent});
        return;
      case LayerKind::kAttention:
        return ReadAttention();
      default:
        return;
    }
  }

  void ReadLinear() {
    if (is_map() && node_.Has("tied")) {
      layer_.tied = node_.String("tied", "");
      Note(node_.Child("tied"));
    }
    if (layer_.tied.empty() || node_.Has("units")) {
      spec_.units = Whole(Main("units"), {1, kMostExtent});
    }
    spec_.bias = Flag("bias", true);
  }

  void ReadConv() {
    spec_.units = Whole(node_.Child("channels"), {1, kMostExtent});
    spec_.kernel = Whole(node_.Child("kernel"), {1, kMostWindow});
    spec_.stride = Whole("stride", 1, {1, kMostWindow});
    spec_.padding = Whole("padding", 0, {0, kMostWindow});
    spec_.groups = Whole("groups", 1, {1, kMostExtent});
    spec_.bias = Flag("bias", true);
  }

  void ReadEmbedding() {
    const ConfigNode vocabulary = node_.Child("vocabulary");
    if (vocabulary.kind() == ConfigNode::Kind::kList) {
      spec_.vocabularies = WholeList(vocabulary, {1, double{kMostWholeFloat}});
    } else {
      spec_.vocabulary = Whole(vocabulary, {1, double{kMostWholeFloat}});
    }
    spec_.units = Whole(node_.Child("width"), {1, kMostExtent});
    if (node_.Has("columns")) spec_.columns = WholeList(node_.Child("columns"), {0, kMostExtent});
    spec_.sum = Flag("sum", false);
  }

  void ReadNorm() {
    if (!is_map()) return;
    spec_.epsilon = node_.Number("epsilon", 1e-5, {.low = 0, .high = 1, .above_low = true});
    if (spec_.kind == LayerKind::kLayerNorm) spec_.bias = Flag("bias", true);
    if (spec_.kind == LayerKind::kBatchNorm) {
      spec_.momentum = node_.Number("momentum", 0.1, {.low = 0, .high = 1, .above_low = true});
    }
  }

  void ReadAttention() {
    spec_.heads = Whole(Main("heads"), {1, kMostHeads});
    spec_.kv_heads = Whole("kv_heads", spec_.heads, {1, kMostHeads});
    spec_.causal = Flag("causal", false);
    spec_.bias = Flag("bias", true);
    layer_.rotary = Flag("rotary", false);
    if (good_ && spec_.heads % spec_.kv_heads != 0) {
      node_.Child("kv_heads")
          .Error(absl::StrCat("found '", spec_.kv_heads, "'; expected a divisor of the ",
                              spec_.heads, " heads"));
      good_ = false;
    }
  }

  void ReadName() {
    const ConfigNode name = node_.Child("name");
    if (name.kind() == ConfigNode::Kind::kMissing) return;
    layer_.name = name.AsString();
    const bool begins = !layer_.name.empty() && layer_.name[0] >= 'a' && layer_.name[0] <= 'z';
    const bool dots = layer_.name.find('.') != std::string::npos;  // would look like a place
    if (!name.faulty() && (!begins || dots || !IsName(layer_.name))) {
      name.Error(absl::StrCat("found ", name.Found(),
                              "; expected at most 63 letters, digits, '-' and '_', a small letter "
                              "first"));
    }
    Note(name);
  }

  const ConfigNode node_;
  WrittenLayer& layer_;
  LayerSpec& spec_;
  bool good_ = true;
};

std::optional<WrittenLayer> ParseSettings(const ConfigNode& item, const Word& word, bool is_word) {
  const std::string name = Name(word.kind);
  const bool needs_settings = word.form != Form::kWordOnly && word.form != Form::kWordOrMap;
  if (is_word && needs_settings) {
    const char* what = word.form == Form::kNumberOrMap ? "size" : "settings";
    item.Error(absl::StrCat("found '", name, "' alone; expected its ", what, " too, as in ",
                            word.example));
    return std::nullopt;
  }
  if (!is_word && word.form == Form::kWordOnly) {
    item.Error(absl::StrCat("found a setting for '", name, "'; expected the word alone"));
    return std::nullopt;
  }
  WrittenLayer layer{.spec = {}, .name = "", .tied = "", .rotary = false, .settings = item};
  layer.spec.kind = word.kind;
  if (is_word) return layer;
  layer.settings = item.Child(name);
  if (!SettingsReader(layer.settings, &layer).Read(word.form)) return std::nullopt;
  return layer;
}

}  // namespace

bool HasWeights(LayerKind kind) {
  switch (kind) {
    case LayerKind::kLinear:
    case LayerKind::kConv2d:
    case LayerKind::kBatchNorm:
    case LayerKind::kGroupNorm:
    case LayerKind::kLayerNorm:
    case LayerKind::kRmsNorm:
    case LayerKind::kEmbedding:
    case LayerKind::kPositions:
    case LayerKind::kAttention:
      return true;
    default:
      return false;
  }
}

std::optional<WrittenLayer> ParseLayer(const ConfigNode& item) {
  const std::vector<std::string> keys = item.Keys();
  const bool is_word = item.kind() == ConfigNode::Kind::kScalar;
  if (!is_word && keys.size() != 1) {
    const std::string found = keys.empty() ? item.Found() : absl::StrCat("a map of ", keys.size());
    item.Error(absl::StrCat("found ", found, "; expected one layer, as in relu or {linear: 512}"));
    return std::nullopt;
  }
  const std::string name = is_word ? item.text() : keys[0];
  const auto word = std::find_if(std::begin(kWords), std::end(kWords),
                                 [&name](const Word& w) { return name == Name(w.kind); });
  if (word != std::end(kWords)) return ParseSettings(item, *word, is_word);
  const std::vector<std::string> names = LayerNames();
  item.Error(absl::StrCat("found '", name, "'; expected a layer, one of ",
                          absl::StrJoin(names, ", "), DidYouMean(name, names)));
  return std::nullopt;
}

}  // namespace paracord
