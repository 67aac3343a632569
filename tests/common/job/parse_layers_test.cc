#include <catch2/catch.hpp>
#include <chrono>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/model_of.h"

namespace paracord {
namespace {

std::vector<std::string> NamesOf(const ModelSpec& model) {
  std::vector<std::string> names;
  for (const TensorSpec& tensor : model.tensors) names.push_back(tensor.name);
  return names;
}

std::string Wrong(const std::string& input, const std::string& layers) {
  const ConfigReader reader(absl::StrCat("input: ", input, "\nlayers: ", layers, "\nloss: mse"));
  ParseModel(reader.root());
  std::string errors;
  for (const ConfigError& error : reader.errors()) {
    absl::StrAppend(&errors, error.path, ": ", error.message, "\n");
  }
  return errors;
}

TEST_CASE("tensors of nested layers are named by the way to them, or as their layer is") {
  const ModelSpec model = ModelOf(
      "[4, 6]",
      "[{linear: 6}, {residual: {body: [{linear: 6}, relu], shortcut: [{linear: {units: 6, bias: "
      "false}}]}}, {repeat: {times: 2, layers: [relu, {residual: [{linear: {units: 6, bias: "
      "false}}]}]}}, {linear: {units: 6, name: tail}}, {attention: 2}]");
  CHECK(NamesOf(model) == std::vector<std::string>{"0.weight", "0.bias", "1.body.0.weight",
                                                   "1.body.0.bias", "1.shortcut.0.weight",
                                                   "2.0.1.body.0.weight", "2.1.1.body.0.weight",
                                                   "tail.weight", "tail.bias", "4.qkv.weight",
                                                   "4.qkv.bias", "4.out.weight", "4.out.bias"});
}

TEST_CASE("a residual is its body, its shortcut and their sum, each reading what it should") {
  const ModelSpec model =
      ModelOf("[4]",
              "[{linear: 4}, {residual: {body: [relu, {linear: 4}], shortcut: [tanh]}}, "
              "{residual: [gelu]}]");
  REQUIRE(model.layers.size() == 7);
  std::vector<int32_t> sources, seconds;
  for (const LayerSpec& layer : model.layers) {
    CHECK(layer.place == sources.size());
    sources.push_back(layer.source);
    seconds.push_back(layer.kind == LayerKind::kAdd ? layer.second : -2);
  }
  CHECK(sources == std::vector<int32_t>{-1, 0, 1, 0, 2, 4, 5});
  CHECK(seconds == std::vector<int32_t>{-2, -2, -2, -2, 3, -2, 4});
}

TEST_CASE("the branches of a concat read what the block reads, and are joined two by two") {
  const ModelSpec model =
      ModelOf("[4]",
              "[{linear: 5}, {concat: [[{columns: [1, 0]}], [{linear: 3}, relu], [{linear: 2}]]}, "
              "tanh]");
  REQUIRE(model.layers.size() == 8);
  std::vector<int32_t> sources, seconds;
  for (const LayerSpec& layer : model.layers) {
    sources.push_back(layer.source);
    seconds.push_back(layer.kind == LayerKind::kConcat ? layer.second : -2);
  }
  CHECK(sources == std::vector<int32_t>{-1, 0, 0, 2, 1, 0, 4, 6});
  CHECK(seconds == std::vector<int32_t>{-2, -2, -2, -2, 3, -2, 5, -2});
  CHECK(model.layers[4].output == Shape{5});
  CHECK(model.output() == Shape{7});
  CHECK(NamesOf(model) == std::vector<std::string>{"0.weight", "0.bias", "1.1.0.weight",
                                                   "1.1.0.bias", "1.2.0.weight", "1.2.0.bias"});
}

TEST_CASE("a concat joins two flat branches at least") {
  CHECK(Wrong("[4]", "[{concat: [[{linear: 2}]]}]") ==
        "layers.0.concat: found a list of 1; expected two branches at least\n");
  CHECK(Wrong("[4]", "[{linear: 2}, {concat: [[relu], []]}]") ==
        "layers.1.concat.1: found a list of 0; expected at least one layer\n");
  CHECK(Wrong("[2, 4]", "[{concat: [[{linear: 2}, flatten], [{linear: 2}]]}]") ==
        "layers.0.concat: found a branch that gives [2, 2]; expected flat ones, [n]; add flatten "
        "at its end\n");
  CHECK(Wrong("[4]", "[concat, {linear: 1}]") ==
        "layers.0: found 'concat' alone; expected its layers too, as in {concat: [[relu], "
        "[tanh]]}\n");
}

TEST_CASE("columns are values of a flat sample, each once") {
  const auto wrong = [](const std::string& layer) {
    return Wrong("[4]", absl::StrCat("[", layer, ", flatten, {linear: 1}]"));
  };
  CHECK(wrong("{columns: [3, 4]}") ==
        "layers.0: found column 4; expected 0 to 3, the values of a sample\n");
  CHECK(wrong("{columns: [3, 0, 3]}") == "layers.0: found column 3 twice; expected each once\n");
  CHECK(wrong("{columns: []}") ==
        "layers.0.columns: found an empty list; expected a number at least\n");
  CHECK(wrong("{columns: 3}") == "layers.0.columns: found '3'; expected a list\n");
  CHECK(wrong("columns") ==
        "layers.0: found 'columns' alone; expected its settings too, as in {columns: [0, 4]}\n");
  CHECK(wrong("{embedding: {columns: [7], vocabulary: 3, width: 2}}") ==
        "layers.0: found column 7; expected 0 to 3, the values of a sample\n");
  CHECK(Wrong("[2, 2]", "[{columns: [0]}, {linear: 1}]").find("columns wants flat ones, [n]") !=
        std::string::npos);
}

TEST_CASE("an embedding has rows for each column of its own, or rows that all share") {
  const auto shape = [](const std::string& settings) {
    const ModelSpec model = ModelOf("[4]", absl::StrCat("[{embedding: {", settings, "}}]"));
    Shape shape = model.tensors[0].shape;
    const Shape output = model.output();
    shape.insert(shape.end(), output.begin(), output.end());
    return shape;
  };
  CHECK(shape("vocabulary: [3, 5, 2, 7], width: 6") == Shape{17, 6, 4, 6});
  CHECK(shape("columns: [2, 0], vocabulary: [3, 5], width: 6") == Shape{8, 6, 2, 6});
  CHECK(shape("columns: [2, 0], vocabulary: 5, width: 6") == Shape{5, 6, 2, 6});
  CHECK(shape("columns: [2, 0], vocabulary: [3, 5], width: 6, sum: true") == Shape{8, 6, 6});
  CHECK(shape("vocabulary: 5, width: 6, sum: true") == Shape{5, 6, 6});
  CHECK(Wrong("[4]", "[{embedding: {columns: [2], vocabulary: [3, 5], width: 6}}]") ==
        "layers.0: found 2 vocabularies for 1 columns; expected one for each, or a number that "
        "all share\n");
  CHECK(Wrong("[2]", "[{embedding: {vocabulary: [16777216, 1], width: 1}}]") ==
        "layers.0: found 16777217 ids in all; expected at most 16777216\n");
  CHECK(Wrong("[2]", "[{embedding: {vocabulary: [3, 0], width: 1}}]")
            .find("vocabulary.1: found '0'; expected a whole number from 1") != std::string::npos);
}

TEST_CASE("layers make of a sample's shape what their settings say") {
  const auto output = [](const std::string& input, const std::string& layer) {
    return ModelOf(input, absl::StrCat("[", layer, ", {repeat: {times: 1, layers: [layer_norm]}}]"))
        .output();
  };
  CHECK(output("[5, 7]", "{linear: 3}") == Shape{5, 3});
  CHECK(output("[3, 9, 8]", "{conv2d: {channels: 6, kernel: 3, stride: 2, groups: 3}}") ==
        Shape{6, 4, 3});
  CHECK(output("[3, 9, 8]", "{max_pool: 2}") == Shape{3, 4, 4});
  CHECK(output("[3, 9, 8]", "{avg_pool: {size: 3, stride: 1, padding: 1}}") == Shape{3, 9, 8});
  CHECK(output("[3, 9, 8]", "global_avg_pool") == Shape{3});
  CHECK(output("[3, 9, 8]", "transpose") == Shape{72, 3});
  CHECK(output("[9, 8]", "transpose") == Shape{8, 9});
  CHECK(output("[9]", "{embedding: {vocabulary: 7, width: 5}}") == Shape{9, 5});
  CHECK(output("[9, 8]", "swiglu") == Shape{9, 4});
  CHECK(output("[9, 8]", "{attention: {heads: 4, kv_heads: 2, rotary: true}}") == Shape{9, 8});
  CHECK(output("[3, 9, 8]", "flatten") == Shape{216});
}

TEST_CASE("first values are PyTorch's for products, ones and zeros for norms, small for tables") {
  const ModelSpec model = ModelOf(
      "[2, 5, 5]", "[{conv2d: {channels: 4, kernel: 3, groups: 2}}, batch_norm, global_avg_pool]");
  REQUIRE(model.tensors.size() == 6);
  CHECK(model.tensors[0].shape == Shape{4, 1, 3, 3});
  CHECK(model.tensors[0].initializer.bound == static_cast<float>(1.0 / 3));
  CHECK(model.tensors[1].initializer.bound == static_cast<float>(1.0 / 3));
  CHECK(model.tensors[2].initializer.kind == InitializerSpec::Kind::kOne);
  CHECK(model.tensors[3].initializer.kind == InitializerSpec::Kind::kZero);
  CHECK(model.tensors[4].initializer.kind == InitializerSpec::Kind::kZero);
  CHECK(model.tensors[5].initializer.kind == InitializerSpec::Kind::kOne);
  CHECK(model.tensors[5].kind == TensorKind::kAveraged);
  CHECK(model.parameters() == 36 + 4 + 4 + 4);
  const ModelSpec table = ModelOf("[3]", "[{embedding: {vocabulary: 5, width: 2}}, positions]");
  CHECK(table.tensors[0].initializer.bound == 0.5f);
  CHECK(table.tensors[1].shape == Shape{3, 2});
  const ModelSpec summed = ModelOf("[3]", "[{embedding: {vocabulary: 25, width: 2, sum: true}}]");
  CHECK(summed.tensors[0].initializer.bound == 0.2f);
}

TEST_CASE("a mistake in what is repeated is told once, and where it stands") {
  CHECK(Wrong("[4]", "[{repeat: {times: 9, layers: [{linear: 0}]}}]") ==
        "layers.0.repeat.layers.0.linear: found '0'; expected a whole number from 1 to "
        "2147483647\n");
  CHECK(
      Wrong("[1, 9, 9]", "[{repeat: {times: 9, layers: [{conv2d: {channels: 2, kernel: 4}}]}}]") ==
      "layers.0.repeat.layers.0: found samples of shape [2, 3, 3] where conv2d wants a height "
      "and width of at least 4\n");
  CHECK(Wrong("[4]", "[{repeat: {times: 2, layers: [{linear: {units: 4, name: a}}]}}]") ==
        "layers.0.repeat.layers.0.linear.name: found 'a' a second time; expected each name once\n");
}

TEST_CASE("weights are tied by the name of an earlier layer that has one of the shape") {
  const std::string tokens = "[{embedding: {vocabulary: 7, width: 4, name: tokens}}, ";
  CHECK(ModelOf("[3]", tokens + "{linear: {tied: tokens}}]").output() == Shape{3, 7});
  CHECK(Wrong("[3]", tokens + "{linear: {tied: token}}]") ==
        "layers.1.linear.tied: found 'token'; expected the name of an earlier layer; did you mean "
        "'tokens'?\n");
  CHECK(Wrong("[3]", tokens + "{linear: 5}, {linear: {tied: tokens}}]") ==
        "layers.2.linear.tied: found a weight of shape [7, 4]; expected [7, 5]\n");
  CHECK(Wrong("[3]", tokens + "{linear: {units: 6, tied: tokens}}]") ==
        "layers.1.linear.tied: found a weight of shape [7, 4]; expected [6, 4]\n");
  CHECK(Wrong("[4]", "[{batch_norm: {name: n}}, {linear: {tied: n}}]") ==
        "layers.1.linear.tied: found 'n', a layer of the kind batch_norm; expected an embedding or "
        "a linear with a weight of its own\n");
  CHECK(Wrong("[4]", "[{linear: 4}, {embedding: {vocabulary: 5, width: 2}}]") ==
        "layers.1: found after another layer; expected embedding to be the first: it reads token "
        "ids, the samples themselves\n");
}

TEST_CASE("shapes and repeats out of all bounds are refused at once, not worked out") {
  const auto begin = std::chrono::steady_clock::now();
  std::string nested = "relu";
  for (int depth = 0; depth < 20; ++depth) {
    nested = absl::StrCat("{repeat: {times: 10000, layers: [", nested, "]}}");
  }
  CHECK(Wrong("[4]", absl::StrCat("[", nested, "]")).find("found more than 10000 layers") !=
        std::string::npos);
  CHECK(Wrong("[2000000000]", "[{embedding: {vocabulary: 5, width: 2000000000}}]")
            .find("expected fewer than 2^31 values") != std::string::npos);
  CHECK(Wrong("[1, 40000, 40000]",
              "[{conv2d: {channels: 2000000000, kernel: 32767, padding: 32767}}]")
            .find("expected fewer than 2^") != std::string::npos);
  CHECK(Wrong("[90000, 64]", "[{attention: 64}]").find("fewer than 2^31 pairs of tokens") !=
        std::string::npos);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
}

TEST_CASE("no list of layers whatever makes the parser crash, and what it takes can be built") {
  const std::string sample =
      "input: [3, 9, 9]\nlayers: [{conv2d: {channels: 4, kernel: 3, groups: 1}}, batch_norm, relu, "
      "{residual: {body: [{conv2d: {channels: 4, kernel: 3, padding: 1}}], shortcut: [gelu]}}, "
      "{max_pool: 2}, transpose, {positions: {name: p}}, {repeat: {times: 2, layers: [{residual: "
      "[layer_norm, {attention: {heads: 2, rotary: true}}]}]}}, {linear: {units: 4, name: a}}, "
      "{linear: {tied: a}}, flatten]\nloss: mse\n";
  int good = 0;
  for (uint32_t seed = 0; seed < 3000; ++seed) {
    std::mt19937 random(seed);
    std::string text = sample;
    for (uint32_t i = 0, times = 1 + random() % 3; i < times && !text.empty(); ++i) {
      const size_t at = random() % text.size(), length = 1 + random() % 30;
      const size_t digit = text.find_first_of("0123456789", at);
      switch (random() % 6) {
        case 0:
          text[at] = "0123456789{}[]:, -a"[random() % 19];
          break;
        case 1:
        case 2:
        case 3:
          if (digit != std::string::npos) text[digit] = "0123456789"[random() % 10];
          break;
        case 4:
          text.erase(at, length);
          break;
        default:
          text.insert(random() % text.size(), text.substr(at, length));
          break;
      }
    }
    INFO("seed " << seed << "\n" << text);
    const ConfigReader reader(text);
    const ParsedModel model = ParseModel(reader.root());
    if (!reader.errors().empty()) continue;
    ++good;
    CHECK(model.output_known);
    CHECK(model.spec.layers.size() <= 10'000);
    for (const LayerSpec& layer : model.spec.layers) {
      CHECK(layer.source < static_cast<int32_t>(layer.place));
      CHECK(ShapeSize(layer.output) > 0);
      CHECK(layer.first_tensor + layer.tensor_count <= model.spec.tensors.size());
    }
  }
  CHECK(good > 100);
}

}  // namespace
}  // namespace paracord
