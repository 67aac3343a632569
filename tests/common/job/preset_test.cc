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
        "gpt, vit; did you mean 'lenet'?");
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
  CHECK(Wrong("preset: {gpt: {context: 8}}\ninput: [9]").find("found beside model.input [9]") !=
        std::string::npos);
}

}  // namespace
}  // namespace paracord
