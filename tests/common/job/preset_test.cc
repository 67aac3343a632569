#include "common/job/preset.h"

#include <catch2/catch.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/model_of.h"

namespace paracord {
namespace {

ModelSpec Preset(const std::string& input, const std::string& preset) {
  return ModelOf(absl::StrCat(input.empty() ? "" : "input: ", input, "\npreset: ", preset, "\n"));
}

std::string Wrong(const std::string& section) {
  const ConfigReader reader(section);
  ParseModel(reader.root());
  std::string errors;
  for (const ConfigError& error : reader.errors()) absl::StrAppend(&errors, ErrorString(error));
  return errors;
}

// Weights and biases, counted by hand.
TEST_CASE("presets have the sizes of the models that they are named for") {
  CHECK(Preset("[784]", "{mlp: {hidden: [512, 256]}}").parameters() ==
        784 * 512 + 512 + 512 * 256 + 256 + 256 * 10 + 10);
  CHECK(Preset("[123]", "logistic_regression").parameters() == 124);
  CHECK(Preset("[1, 28, 28]", "lenet").parameters() == 431080);  // as Caffe counts it
  // As torchvision counts them, with 1000 classes.
  CHECK(Preset("[3, 224, 224]", "{resnet: {depth: 18, classes: 1000}}").parameters() == 11689512);
  CHECK(Preset("[3, 224, 224]", "{resnet: {depth: 50, classes: 1000}}").parameters() == 25557032);
  const int64_t block = 12 * 128 * 128 + 13 * 128;  // two norms, three products with biases
  CHECK(Preset("", "{gpt: {context: 64}}").parameters() ==
        2 * 256 * 128 + 64 * 128 + 4 * block + 256 + 256);
  const int64_t stage16 = 4 * 9 * 16 * 16 + 4 * 32;
  const int64_t stage32 = 9 * 16 * 32 + 3 * 9 * 32 * 32 + 16 * 32 + 5 * 64;
  const int64_t stage64 = 9 * 32 * 64 + 3 * 9 * 64 * 64 + 32 * 64 + 5 * 128;
  CHECK(Preset("[1, 28, 28]", "{resnet: {depth: 14}}").parameters() ==
        9 * 16 + 32 + stage16 + stage32 + stage64 + 650);
}

TEST_CASE("wide_and_deep is a linear part and one of vectors and hidden layers, added") {
  const ModelSpec model =
      Preset("[5]",
             "{wide_and_deep: {categories: {3: 7, 1: 4}, crosses: {4: 50}, width: 3,"
             " hidden: [6], dropout: 0.1}}");
  CHECK(model.loss == LossKind::kBinaryCrossEntropy);
  CHECK(model.output() == Shape{1});
  // Two numbers, two vectors of three, a hidden layer; the wide part has a weight for each id.
  CHECK(model.parameters() == 11 * 3 + (2 + 2 * 3) * 6 + 6 + 6 + 1 + 61 + 2);
  CHECK(ExpandModel("model: {input: [5], preset: {wide_and_deep: {categories: {3: 7, 1: 4},"
                    " crosses: {4: 50}, width: 3, hidden: [6]}}}") == R"(model:
  input: [5]
  layers:
    - {residual: {body: [{concat: [[{columns: [0, 2]}], [{embedding: {name: categories, columns: [1, 3], vocabulary: [4, 7], width: 3}}, flatten]]}, {linear: 6}, relu, {linear: 1}], shortcut: [{residual: {body: [{columns: [0, 2]}, {linear: {units: 1, bias: false}}], shortcut: [{embedding: {name: wide, columns: [1, 3, 4], vocabulary: [4, 7, 50], width: 1, sum: true}}]}}]}}
  loss: binary_cross_entropy
)");
  // Categories alone; several classes.
  CHECK(Preset("[2]", "{wide_and_deep: {categories: {0: 4, 1: 5}, outputs: 3, hidden: []}}")
            .parameters() == 9 * 8 + 16 * 3 + 3 + 9 * 3);
}

TEST_CASE("presets give the outputs and the losses that suit them") {
  CHECK(Preset("[123]", "logistic_regression").loss == LossKind::kBinaryCrossEntropy);
  CHECK(Preset("[2, 5]", "{logistic_regression: {outputs: 3}}").loss ==
        LossKind::kSoftmaxCrossEntropy);
  const ModelSpec gpt = Preset("", "{gpt: {layers: 2, width: 32, context: 16, dropout: 0.1}}");
  CHECK(gpt.input == Shape{16});
  CHECK(gpt.output() == Shape{16, 256});
  CHECK(gpt.layers.back().tied == kNotTied);
  CHECK(Preset("[16]", "{gpt: {layers: 2, width: 32}}").output() == Shape{16, 256});
  CHECK(Preset("[3, 32, 32]", "{vit: {layers: 2, width: 48}}").output() == Shape{10});
  CHECK(Preset("[3, 32, 32]", "{resnet: {depth: 18}}").output() == Shape{10});
  CHECK(Preset("[3, 64, 64]", "{resnet: {depth: 50, classes: 7}}").output() == Shape{7});
  CHECK(ModelOf("input: [4]\npreset: logistic_regression\nloss: mse\n").loss ==
        LossKind::kMeanSquaredError);
}

TEST_CASE("a preset that is printed and read again is the same model") {
  for (const std::string section :
       {"input: [1, 28, 28], preset: lenet", "preset: {gpt: {context: 8, layers: 3, dropout: 0.1}}",
        "input: [3, 32, 32], preset: {resnet: {depth: 50}}",
        "input: [3, 32, 32], preset: {vit: {}}, loss: mse",
        "input: [4], preset: {wide_and_deep: {categories: {1: 9, 2: 3}, dropout: 0.5}}",
        "input: [2, 4], layers: [{linear: 3}, {residual: [relu]}, flatten], loss: mse"}) {
    INFO(section);
    const std::string text = ExpandModel(absl::StrCat("name: x\nmodel: {", section, "}\n"));
    INFO(text);
    CHECK(text.find("preset") == std::string::npos);
    CHECK(ExpandModel(text) == text);
    const ConfigReader reader(text), original(absl::StrCat("model: {", section, "}"));
    const ModelSpec again = ParseModel(reader.root().Child("model")).spec;
    const ModelSpec first = ParseModel(original.root().Child("model")).spec;
    CHECK(reader.errors().empty());
    CHECK(again.loss == first.loss);
    CHECK(again.layers.size() == first.layers.size());
    REQUIRE(again.tensors.size() == first.tensors.size());
    for (size_t t = 0; t < again.tensors.size(); ++t) {
      CHECK(again.tensors[t].name == first.tensors[t].name);
      CHECK(again.tensors[t].shape == first.tensors[t].shape);
    }
  }
  CHECK(ExpandModel("model: {input: [1, 28, 28], preset: {lenet: {classes: 5}}}") == R"(model:
  input: [1, 28, 28]
  layers:
    - {conv2d: {channels: 20, kernel: 5}}
    - {max_pool: 2}
    - {conv2d: {channels: 50, kernel: 5}}
    - {max_pool: 2}
    - flatten
    - {linear: 500}
    - relu
    - {linear: 5}
  loss: softmax_cross_entropy
)");
}

TEST_CASE("a preset that does not fit says why at its place") {
  CHECK(Wrong("preset: lenett\ninput: [1, 28, 28]") ==
        "line 1: preset: found 'lenett'; expected one of logistic_regression, mlp, lenet, resnet, "
        "gpt, vit, wide_and_deep; did you mean 'lenet'?");
  CHECK(Wrong("input: [784]\npreset: lenet") ==
        "line 2: preset: found samples of shape [784]; expected images, [channels, height, width], "
        "as in input: [1, 28, 28]");
  CHECK(Wrong("preset: lenet").find("found no input; expected images") != std::string::npos);
  CHECK(Wrong("input: [1, 8, 8]\npreset: lenet") ==
        "line 2: preset: its layers do not fit: found samples of shape [20, 2, 2] where conv2d "
        "wants a height and width of at least 5");
  CHECK(Wrong("input: [3, 32, 32]\npreset: {resnet: {depht: 18}}").find("did you mean 'depth'?") !=
        std::string::npos);
  CHECK(Wrong("preset: {gpt: {context: 8, width: 10, heads: 4}}").find("attention of 4 heads") !=
        std::string::npos);
  CHECK(Wrong("input: [4]\npreset: logistic_regression\nlayers: [relu]") ==
        "line 3: layers: found beside preset; expected one of them");
  const auto table = [](const std::string& settings) {
    return Wrong("input: [4]\npreset: {wide_and_deep: {" + settings + "}}");
  };
  CHECK(table("categories: {4: 9}") ==
        "line 2: preset.wide_and_deep.categories.4: found '4' for a column; expected each once, "
        "from 0 to 3");
  CHECK(table("categories: {1: 9}, crosses: {1: 9}").find("crosses.1: found '1' for a column") !=
        std::string::npos);
  CHECK(table("categories: {origin: 9}").find("found 'origin' for a column") != std::string::npos);
  CHECK(table("categories: [1]") ==
        "line 2: preset.wide_and_deep.categories: found a list of 1; expected a map, as in "
        "{1: 301}");
  CHECK(table("width: 4") ==
        "line 2: preset: found samples of shape [4]; expected a category at "
        "least, as in {wide_and_deep: {categories: {1: 301}}}");
  CHECK(table("categories: {1: 0}").find("expected a whole number from 1") != std::string::npos);
  CHECK(Wrong("preset: wide_and_deep").find("found no input; expected rows of a table") !=
        std::string::npos);
  CHECK(Wrong("preset: {gpt: {context: 8}}\ninput: [9]").find("found beside model.input [9]") !=
        std::string::npos);
}

}  // namespace
}  // namespace paracord
