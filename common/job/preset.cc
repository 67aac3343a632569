#include "common/job/preset.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/job/connect_layer.h"
#include "common/job/whole_floats.h"
#include "common/job/wide_and_deep.h"

namespace paracord {
namespace {

using Layers = std::vector<std::string>;

std::string List(const Layers& layers) {
  return absl::StrCat("[", absl::StrJoin(layers, ", "), "]");
}

std::string Repeat(int64_t times, const Layers& layers) {
  return absl::StrCat("{repeat: {times: ", times, ", layers: ", List(layers), "}}");
}

std::string Residual(const Layers& body, const Layers& shortcut = {}) {
  if (shortcut.empty()) return absl::StrCat("{residual: ", List(body), "}");
  return absl::StrCat("{residual: {body: ", List(body), ", shortcut: ", List(shortcut), "}}");
}

std::string Linear(int64_t units) { return absl::StrCat("{linear: ", units, "}"); }

// A padding that keeps the size at stride 1; no bias, since a batch norm follows.
std::string Conv(int64_t channels, int64_t kernel, int64_t stride) {
  return absl::StrCat("{conv2d: {channels: ", channels, ", kernel: ", kernel, ", stride: ", stride,
                      ", padding: ", kernel / 2, ", bias: false}}");
}

void Append(Layers* layers, const Layers& more) {
  layers->insert(layers->end(), more.begin(), more.end());
}

void AppendDropout(Layers* layers, double rate) {
  if (rate > 0) layers->push_back(absl::StrFormat("{dropout: %.17g}", rate));
}

// Reads one preset's settings, which may all be left out where they have defaults.
class Preset {
 public:
  Preset(const ConfigNode& node, const ConfigNode& settings, const std::optional<Shape>& input)
      : node_(node), settings_(settings), input_(input) {
    if (input) out_.input = *input;
  }

  void LogisticRegression() {
    const int64_t outputs = Whole("outputs", 1);
    if (outputs == 1) out_.loss = LossKind::kBinaryCrossEntropy;
    Flatten();
    Add(Linear(outputs));
  }

  void Mlp() {
    Flatten();
    const double dropout = Dropout();
    for (const int64_t units : Hidden()) {
      Add(Linear(units));
      Add("relu");
      AppendDropout(&out_.layers, dropout);
    }
    Add(Linear(Whole("outputs", 10)));
  }

  void Lenet() {
    const int64_t classes = Whole("classes", 10);
    if (!HasImages("[1, 28, 28]")) return;
    for (const int64_t channels : {20, 50}) {
      Add(absl::StrCat("{conv2d: {channels: ", channels, ", kernel: 5}}"));
      Add("{max_pool: 2}");
    }
    Append(&out_.layers, {"flatten", Linear(500), "relu", Linear(classes)});
  }

  void Resnet() {
    const auto depth = settings_.Choice("depth", {"14", "18", "50"});
    const int64_t classes = Whole("classes", 10);
    if (!depth || !HasImages("[3, 32, 32]")) return;
    const bool small = *depth == 0, large_images = !small && (*input_)[1] >= 64;
    int64_t width = small ? 16 : 64, channels = width;
    Append(&out_.layers,
           {Conv(width, large_images ? 7 : 3, large_images ? 2 : 1), "batch_norm", "relu"});
    if (large_images) Add("{max_pool: {size: 3, stride: 2, padding: 1}}");
    const std::vector<int64_t> stages = *depth == 0   ? std::vector<int64_t>{2, 2, 2}
                                        : *depth == 1 ? std::vector<int64_t>{2, 2, 2, 2}
                                                      : std::vector<int64_t>{3, 4, 6, 3};
    for (size_t stage = 0; stage < stages.size(); ++stage, width *= 2) {
      for (int64_t block = 0; block < stages[stage]; ++block) {
        AddBlock(*depth == 2, width, stage > 0 && block == 0 ? 2 : 1, &channels);
      }
    }
    Append(&out_.layers, {"global_avg_pool", Linear(classes)});
  }

  void Gpt() {
    const int64_t vocabulary = Whole("vocabulary", 256);
    const int64_t width = Whole("width", 128);
    if (settings_.Has("context") && !input_) out_.input = {Whole("context", 1)};
    if (settings_.Has("context") && input_ && Shape{Whole("context", 1)} != *input_) {
      settings_.Child("context").Error(absl::StrCat("found beside model.input ",
                                                    ShapeString(*input_),
                                                    "; expected one of them, or input [context]"));
    }
    if (out_.input.size() != 1) return Wants("samples of token ids, as in {context: 128}");
    Add(absl::StrCat("{embedding: {vocabulary: ", vocabulary, ", width: ", width, "}}"));
    Transformer(width, true);
    Add(Linear(vocabulary));
  }

  void Vit() {
    const int64_t patch = Whole("patch", 4), width = Whole("width", 192);
    const int64_t classes = Whole("classes", 10);
    if (!HasImages("[3, 32, 32]")) return;
    Append(&out_.layers, {absl::StrCat("{conv2d: {channels: ", width, ", kernel: ", patch,
                                       ", stride: ", patch, "}}"),
                          "transpose"});
    Transformer(width, false);
    Append(&out_.layers, {"transpose", "global_avg_pool", Linear(classes)});
  }

  void Tables() {
    WideAndDeep model;
    if (!input_ || input_->size() != 1) return Wants("rows of a table, as in input: [8]");
    model.columns = (*input_)[0];
    model.categories = Ids("categories", {});
    model.crosses = Ids("crosses", model.categories);
    model.width = Whole("width", model.width);
    if (settings_.Has("hidden")) model.hidden = Hidden();
    model.outputs = Whole("outputs", model.outputs);
    model.dropout = Dropout();
    if (faulty_) return;
    if (model.categories.empty()) {
      return Wants("a category at least, as in {wide_and_deep: {categories: {1: 301}}}");
    }
    if (model.columns > kMostColumns) {
      return Wants(absl::StrCat("at most ", kMostColumns, " columns"));
    }
    if (model.outputs == 1) out_.loss = LossKind::kBinaryCrossEntropy;
    out_.layers = LayersOf(model);
  }

  std::optional<ExpandedPreset> Finish() {
    if (settings_.kind() == ConfigNode::Kind::kMap) settings_.Finish();
    if (faulty_ || node_.faulty() || settings_.faulty()) return std::nullopt;
    return std::move(out_);
  }

 private:
  int64_t Whole(const std::string& key, int64_t fallback) {
    if (settings_.kind() != ConfigNode::Kind::kMap) return fallback;
    const int64_t value = settings_.Integer(key, fallback, {1, double{kMostWholeFloat}});
    faulty_ = faulty_ || settings_.Child(key).faulty();
    return value;
  }
  double Dropout() {
    if (settings_.kind() != ConfigNode::Kind::kMap) return 0;
    return settings_.Number("dropout", 0, {.low = 0, .high = 1, .below_high = true});
  }
  std::vector<int64_t> Hidden() {
    const ConfigNode hidden = settings_.Child("hidden");
    std::vector<int64_t> units;
    for (const ConfigNode& item : hidden.Items()) {
      units.push_back(item.AsInteger({1, kMostExtent}));
      faulty_ = faulty_ || item.faulty();
    }
    faulty_ = faulty_ || hidden.faulty();
    return units;
  }
  // Columns of a flat sample and how many ids each has; none of `others`.
  std::map<int64_t, int64_t> Ids(const std::string& key, const std::map<int64_t, int64_t>& others) {
    std::map<int64_t, int64_t> ids;
    if (!settings_.Has(key)) return ids;
    const ConfigNode columns = settings_.Child(key);
    if (columns.kind() != ConfigNode::Kind::kMap) {
      columns.Error(absl::StrCat("found ", columns.Found(), "; expected a map, as in {1: 301}"));
    }
    for (const std::string& name : columns.Keys()) {
      const int64_t count = columns.Integer(name, {1, double{kMostWholeFloat}});
      int64_t column = 0;
      const bool there = absl::SimpleAtoi(name, &column) && column >= 0 && column < (*input_)[0];
      if (!there || others.contains(column) || !ids.emplace(column, count).second) {
        columns.Child(name).Error(absl::StrCat(
            "found '", name, "' for a column; expected each once, from 0 to ", (*input_)[0] - 1));
      }
      faulty_ = faulty_ || columns.Child(name).faulty();
    }
    faulty_ = faulty_ || columns.faulty();
    return ids;
  }
  void Add(std::string layer) { out_.layers.push_back(std::move(layer)); }
  void Wants(const std::string& wanted) {
    const std::string found =
        input_ ? absl::StrCat("found samples of shape ", ShapeString(*input_)) : "found no input";
    node_.Error(absl::StrCat(found, "; expected ", wanted));
    faulty_ = true;
  }
  bool HasImages(const char* example) {
    if (input_ && input_->size() == 3) return true;
    Wants(absl::StrCat("images, [channels, height, width], as in input: ", example));
    return false;
  }
  void Flatten() {
    if (!input_) Wants("the extents of a sample, as in input: [784]");
    if (input_ && input_->size() > 1) Add("flatten");
  }

  void AddBlock(bool bottleneck, int64_t width, int64_t stride, int64_t* channels) {
    const int64_t out = bottleneck ? 4 * width : width;
    const Layers body =
        bottleneck
            ? Layers{Conv(width, 1, 1), "batch_norm", "relu",          Conv(width, 3, stride),
                     "batch_norm",      "relu",       Conv(out, 1, 1), "batch_norm"}
            : Layers{Conv(width, 3, stride), "batch_norm", "relu", Conv(out, 3, 1), "batch_norm"};
    Layers shortcut;
    if (stride > 1 || *channels != out) shortcut = {Conv(out, 1, stride), "batch_norm"};
    Append(&out_.layers, {Residual(body, shortcut), "relu"});
    *channels = out;
  }

  void Transformer(int64_t width, bool causal) {
    const int64_t layers = Whole("layers", causal ? 4 : 6), heads = Whole("heads", causal ? 4 : 3);
    const double dropout = Dropout();
    Layers attention = {"layer_norm", absl::StrCat("{attention: {heads: ", heads,
                                                   ", causal: ", causal ? "true" : "false", "}}")};
    Layers feed_forward = {"layer_norm", Linear(4 * width), "gelu", Linear(width)};
    Add("positions");
    for (Layers* block : {&out_.layers, &attention, &feed_forward}) AppendDropout(block, dropout);
    Add(Repeat(layers, {Residual(attention), Residual(feed_forward)}));
    Add("layer_norm");
  }

  static constexpr int64_t kMostColumns = 40'000;  // of a table: each is written out

  const ConfigNode node_, settings_;
  const std::optional<Shape>& input_;
  ExpandedPreset out_;
  bool faulty_ = false;
};

struct NamedPreset {
  const char* name;
  void (Preset::*expand)();
};

constexpr NamedPreset kPresets[] = {{"logistic_regression", &Preset::LogisticRegression},
                                    {"mlp", &Preset::Mlp},
                                    {"lenet", &Preset::Lenet},
                                    {"resnet", &Preset::Resnet},
                                    {"gpt", &Preset::Gpt},
                                    {"vit", &Preset::Vit},
                                    {"wide_and_deep", &Preset::Tables}};

}  // namespace

std::optional<ExpandedPreset> ExpandPreset(const ConfigNode& preset,
                                           const std::optional<Shape>& input) {
  const std::vector<std::string> keys = preset.Keys();
  const bool is_word = preset.kind() == ConfigNode::Kind::kScalar;
  if (!is_word && keys.size() != 1) {
    preset.Error(absl::StrCat("found ", keys.empty() ? preset.Found() : "several names",
                              "; expected one preset, as in lenet or {gpt: {layers: 4}}"));
    return std::nullopt;
  }
  const std::string name = is_word ? preset.text() : keys[0];
  Layers names;
  for (const NamedPreset& one : kPresets) {
    names.push_back(one.name);
    if (name != one.name) continue;
    Preset expanded(preset, is_word ? preset : preset.Child(name), input);
    (expanded.*one.expand)();
    return expanded.Finish();
  }
  preset.Error(absl::StrCat("found '", name, "'; expected one of ", absl::StrJoin(names, ", "),
                            DidYouMean(name, names)));
  return std::nullopt;
}

}  // namespace paracord
