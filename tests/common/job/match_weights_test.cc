#include "common/job/match_weights.h"

#include <catch2/catch.hpp>

#include "common/job/job_spec.h"

namespace paracord {
namespace {

TensorSpec Tensor(const std::string& name, const Shape& shape,
                  TensorKind kind = TensorKind::kTrained) {
  TensorSpec tensor;
  tensor.name = name;
  tensor.shape = shape;
  tensor.kind = kind;
  return tensor;
}

StoredTensor Stored(const std::string& name, const Shape& shape, const std::string& dtype = "F32") {
  return {name, dtype, shape, static_cast<uint64_t>(ShapeSize(shape)), 0, 0};
}

using Names = std::vector<std::string>;

TEST_CASE("each tensor is found by its name, or by the one that the map gives") {
  const auto match = MatchWeights(
      {Tensor("0.weight", {2, 3}), Tensor("0.bias", {2}),
       Tensor("1.mean", {2}, TensorKind::kAveraged), Tensor("metrics", {4}, TensorKind::kSum)},
      {{"0.weight", "fc.weight"}, {"1.mean", "running_mean"}},
      {Stored("running_mean", {2}), Stored("0.bias", {2}, "BF16"), Stored("fc.weight", {2, 3})});
  CHECK(match.mismatches == Names{});
  CHECK(match.sources == std::vector<size_t>{2, 1, 0});
}

TEST_CASE("everything that does not fit is told at once") {
  const auto match =
      MatchWeights({Tensor("0.weight", {2, 3}), Tensor("0.bias", {2}), Tensor("1.weight", {4})},
                   {{"1.weight", "fc"}, {"1.bias", "b"}},
                   {Stored("0.weight", {3, 2}, "I64"), Stored("0.bas", {2})});
  CHECK(match.mismatches ==
        Names{"tensor '0.weight': found shape [3, 2]; expected [2, 3]",
              "tensor '0.weight': found I64; expected F32, BF16 or F16",
              "tensor '0.bias': the file has no tensor '0.bias'; did you mean '0.bas'?",
              "tensor '1.weight': the file has no tensor 'fc', as init.map calls it",
              "init.map names '1.bias'; the model has no such tensor; did you mean '0.bias'?",
              "found tensor '0.bas' [2] in the file; expected only the model's"});
}

std::vector<ConfigError> ErrorsOf(const std::string& init, JobSpec* spec) {
  ParsedJob job = ParseJob(
      "name: j\nmodel: {input: [4], layers: [{linear: 2}], loss: softmax_cross_entropy}\n"
      "data: {train: {format: synthetic, samples: 9, features: 4, classes: 2}}\n"
      "train: {steps: 1, batch_size: 3, optimizer: {kind: sgd}}\ninit: " +
          init + "\n",
      "/jobs");
  *spec = job.spec;
  return job.errors;
}

TEST_CASE("a job file names the file of weights, relative to itself, and other names in it") {
  JobSpec spec;
  CHECK(
      ErrorsOf("{safetensors: x/w.safetensors, map: {0.weight: fc.w, 0.bias: b}}", &spec).empty());
  CHECK(spec.init.safetensors == "/jobs/x/w.safetensors");
  CHECK(spec.init.line == 5);
  CHECK(spec.init.map == std::map<std::string, std::string>{{"0.weight", "fc.w"}, {"0.bias", "b"}});
  CHECK(spec.init.checkpoint.empty());
}

TEST_CASE("a job begins with one thing, and a map is for a file's names") {
  JobSpec spec;
  auto errors = ErrorsOf("{safetensors: a, checkpoint: b}", &spec);
  REQUIRE_FALSE(errors.empty());
  CHECK(errors[0].path == "init");
  errors = ErrorsOf("{checkpoint: b, map: {0.weight: w}}", &spec);
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].path == "init.map");
  CHECK(ErrorsOf("{safetensors: ''}", &spec).size() == 1);
  CHECK(ErrorsOf("{safetensors: a, map: [w]}", &spec).size() == 1);
  CHECK(ErrorsOf("{safetensors: a, map: {0.weight: [w]}}", &spec).size() == 1);
}

}  // namespace
}  // namespace paracord
