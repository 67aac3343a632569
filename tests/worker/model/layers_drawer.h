// Models at random: residuals and repeats in one another, weights that several layers read.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/model_of.h"

namespace paracord {

// Lists of layers on tokens of one width, residuals and repeats in one another. Names are given to
// some layers, and some later ones are tied to them.
class LayersDrawer {
 public:
  explicit LayersDrawer(uint32_t seed) : random_(seed) {}

  std::string Draw() { return absl::StrCat("[", List(3), ", flatten]"); }

 private:
  uint32_t Below(uint32_t n) { return random_() % n; }

  std::string List(int depth) {
    std::string list;
    for (uint32_t i = 0, count = 1 + Below(4); i < count; ++i) {
      absl::StrAppend(&list, i > 0 ? ", " : "", Item(depth));
    }
    return list;
  }

  std::string Item(int depth) {
    const uint32_t kind = Below(depth > 0 ? 17 : 12);
    if (kind >= 15) {
      ++in_repeat_;
      const std::string list = List(depth - 1);
      --in_repeat_;
      return absl::StrCat("{repeat: {times: ", 1 + Below(3), ", layers: [", list, "]}}");
    }
    if (kind >= 12) {
      std::string body = List(depth - 1);
      if (Below(3) > 0) return absl::StrCat("{residual: [", body, "]}");
      return absl::StrCat("{residual: {body: [", body, "], shortcut: [", List(depth - 1), "]}}");
    }
    const char* const words[] = {"relu",       "tanh",      "sigmoid",        "gelu",
                                 "layer_norm", "positions", "{dropout: 0.3}", "{attention: 2}",
                                 "batch_norm", "transpose"};
    return kind < 10 ? words[kind] : NamedLinear();
  }

  std::string NamedLinear() {
    if (!names_.empty() && Below(2) == 0) {
      return absl::StrCat("{linear: {bias: ", Below(2) ? "true" : "false",
                          ", tied: ", names_[Below(static_cast<uint32_t>(names_.size()))], "}}");
    }
    if (in_repeat_ > 0) return "{linear: {units: 4, bias: false}}";
    names_.push_back(absl::StrCat("n", names_.size()));
    return absl::StrCat("{linear: {units: 4, name: ", names_.back(), "}}");
  }

  std::mt19937 random_;
  std::vector<std::string> names_;
  int in_repeat_ = 0;
};

// A model of such layers, the first of which has weights.
inline ModelSpec DrawModel(uint32_t seed) {
  const std::string layers = LayersDrawer(seed).Draw();
  return ModelOf("[4, 4]", absl::StrCat("[{linear: 4}, ", layers.substr(1)));
}

}  // namespace paracord
