#include <string>
#include <vector>

#include "tests/worker/model/layers_drawer.h"
#include "tests/worker/model/model_fixture.h"
#include "worker/model/forward_again.h"

namespace paracord {
namespace {

ModelSpec Recomputing(ModelSpec spec) {
  spec.recompute = true;
  return spec;
}

int64_t FloatsOf(const ModelSpec& spec, int64_t rows) {
  CpuDevice device;
  return Model::Build(spec, device).value()->PassFloats(rows);
}

ModelSpec Gpt(int layers) {
  return ModelOf(absl::StrCat(
      "preset: {gpt: {layers: ", layers,
      ", width: 32, heads: 4, vocabulary: 50, context: 24, dropout: 0.1}}\nloss: mse"));
}

// Which layers are computed again, by the layer before whose backward call.
ForwardAgain AgainOf(const ModelSpec& spec) {
  CpuDevice device;
  std::vector<std::unique_ptr<Layer>> layers;
  for (const LayerSpec& layer : spec.layers) layers.push_back(MakeLayer(layer, spec).value());
  return FindForwardAgain(spec, LayerGraph(layers), layers, device.ops());
}

}  // namespace

TEST_CASE("what is computed again gives the bits of what was kept, whatever the graph") {
  int again = 0, smaller = 0;
  for (uint32_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    const ModelSpec spec = DrawModel(seed);
    Fixture kept(spec, seed, 3), computed(Recomputing(spec), seed, 3);
    Pass one(kept.model(), 3), other(computed.model(), 3);
    for (int repeat = 0; repeat < 2; ++repeat) {
      const double loss = kept.LossAndGradients(one, kept.All(), kTraining, 0.25f);
      CHECK(computed.LossAndGradients(other, computed.All(), kTraining, 0.25f) == loss);
      for (size_t t = 0; t < spec.tensors.size(); ++t) {
        CAPTURE(spec.tensors[t].name);
        CHECK(std::memcmp(kept.gradients()[t].data(), computed.gradients()[t].data(),
                          kept.gradients()[t].size() * sizeof(float)) == 0);
      }
    }
    for (const std::vector<size_t>& calls : AgainOf(Recomputing(spec))) again += !calls.empty();
    smaller += kept.model().PassFloats(3) > computed.model().PassFloats(3);
  }
  CHECK(again > 200);
  CHECK(smaller > 50);
}

TEST_CASE("a GPT that recomputes has the same gradients, its weights leave at the same time") {
  const ModelSpec spec = Gpt(3);
  Fixture kept(spec, 7, 2), computed(Recomputing(spec), 7, 2);
  Pass one(kept.model(), 2), other(computed.model(), 2);
  CHECK(kept.LossAndGradients(one, kept.All(), kTraining, 1.0f) ==
        computed.LossAndGradients(other, computed.All(), kTraining, 1.0f));
  CHECK(kept.gradients() == computed.gradients());
  std::vector<FloatRange> order = computed.model().BackwardParts();
  computed.CheckHooks(other, {order.rbegin(), order.rend()});
}

TEST_CASE(
    "inside a block what Backward reads is computed again, neither its output nor its last"
    " product") {
  const std::string layers =
      "[{linear: 4}, {residual: [layer_norm, {linear: 8}, gelu, {linear: 4}]}, tanh,"
      " {repeat: {times: 2, layers: [{linear: 4}, {residual: [relu]}, tanh]}}]";
  const ModelSpec spec = ModelOf("[4]", layers);
  REQUIRE(spec.layers.size() == 15);
  const std::vector<int32_t> blocks = {-1, 0, 0, 0, 0, 0, -1, 1, 1, 1, 1, 2, 2, 2, 2};
  for (size_t i = 0; i < blocks.size(); ++i) CHECK(spec.layers[i].block == blocks[i]);
  ForwardAgain expected(15);
  expected[5] = {1, 2, 3};
  expected[10] = {7, 8};
  expected[14] = {11, 12};
  CHECK(AgainOf(Recomputing(spec)) == expected);
  CHECK(AgainOf(spec) == ForwardAgain(15));
}

TEST_CASE("with recomputation a deeper model needs one value a block more, and no more") {
  const int64_t rows = 6, value = rows * 24 * 32;
  CHECK(FloatsOf(Recomputing(Gpt(4)), rows) < FloatsOf(Gpt(4), rows) / 2);
  CHECK(FloatsOf(Recomputing(Gpt(12)), rows) < FloatsOf(Gpt(12), rows) / 4);
  CHECK(FloatsOf(Recomputing(Gpt(12)), rows) == FloatsOf(Recomputing(Gpt(4)), rows) + 8 * value);
}

TEST_CASE("a job recomputes if it says so, and is refused if it has no block to compute again") {
  const auto errors = [](const std::string& layers, const std::string& recompute) {
    return ParseJob(absl::StrCat("model: {input: [4], layers: ", layers,
                                 ", loss: mse}\ndata:\n  train: {format: synthetic, samples: 9, "
                                 "features: 4, seed: 1}\ntrain: {steps: 1, batch_size: 8, ",
                                 recompute, "}\n"),
                    "/");
  };
  const std::string block = "[{linear: 4}, {residual: [tanh, {linear: 4}]}, {linear: 1}]";
  CHECK(errors(block, "recompute: true").spec.model.recompute);
  CHECK(errors(block, "recompute: true").errors.empty());
  CHECK_FALSE(errors(block, "recompute: false").spec.model.recompute);
  const ParsedJob refused = errors("[{linear: 1}]", "recompute: true");
  REQUIRE(refused.errors.size() == 1);
  CHECK(refused.errors[0].path == "train.recompute");
  CHECK(refused.errors[0].message.find("without repeat and residual") != std::string::npos);
}

}  // namespace paracord
