#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/job/job_spec.h"
#include "common/job/optimizer.h"

namespace paracord {
namespace {

// Tensors: 0.weight, 0.bias, 2.weight, 2.bias, 3.weight, 3.bias, and averages.
ParsedJob Parse(const std::string& optimizer, const std::string& train = "") {
  return ParseJob(
      absl::StrCat(R"(
model: {input: [4], layers: [{linear: 5}, tanh, {linear: 3}, batch_norm], loss: softmax_cross_entropy}
data: {train: {format: synthetic, samples: 64, features: 4, classes: 3, seed: 1}}
train:
  steps: 3
  batch_size: 24
  virtual_workers: 4
)",
                   optimizer.empty() ? "" : absl::StrCat("  optimizer: ", optimizer), "\n", train),
      "/");
}

JobSpec Good(const std::string& optimizer, const std::string& train = "") {
  const ParsedJob job = Parse(optimizer, train);
  for (const ConfigError& error : job.errors) FAIL(ErrorString(error));
  return job.spec;
}

// The only error.
std::string Wrong(const std::string& optimizer, const std::string& train = "") {
  const ParsedJob job = Parse(optimizer, train);
  REQUIRE(job.errors.size() == 1);
  return absl::StrCat(job.errors[0].path, ": ", job.errors[0].message);
}

UpdateStep StepOf(const JobSpec& job, const std::string& name) {
  for (const TensorSpec& tensor : job.model.tensors) {
    if (tensor.name != name) continue;
    return UpdateOf(tensor, job.optimizer, PrepareUpdate(job.optimizer, 0, 3));
  }
  FAIL("no tensor " << name);
  return {};
}

}  // namespace

TEST_CASE("a tensor has the learning rate and the decay of the first group that it matches") {
  const JobSpec job = Good(
      "{kind: momentum, lr: 0.3, weight_decay: 0.1, no_decay: vectors, groups: ["
      "{match: \"0.*\", lr_scale: 0.1}, {match: \"*.bias\", weight_decay: 0.5},"
      " {match: \"2.weight\", lr_scale: 2, weight_decay: 0}]}");
  REQUIRE(job.optimizer.groups.size() == 3);
  const float lr = 0.3f;
  const auto scaled = [lr](double by) { return static_cast<float>(lr * by); };
  CHECK(StepOf(job, "0.weight").lr == scaled(0.1));
  CHECK(StepOf(job, "0.weight").weight_decay == 0.1f);
  CHECK(StepOf(job, "0.bias").lr == scaled(0.1));
  CHECK(StepOf(job, "0.bias").weight_decay == 0);  // a vector, its group says nothing of decay
  CHECK(StepOf(job, "2.weight").lr == 0.6f);
  CHECK(StepOf(job, "2.weight").weight_decay == 0);
  CHECK(StepOf(job, "2.bias").lr == lr);
  CHECK(StepOf(job, "2.bias").weight_decay == 0.5f);
  CHECK(StepOf(job, "3.weight").lr == lr);
  CHECK(StepOf(job, "3.weight").weight_decay == 0);
}

TEST_CASE("the update of a group is the update of an optimizer with its settings, bit for bit") {
  for (const std::string kind : {"sgd", "momentum", "adagrad", "rmsprop", "adam", "adamw"}) {
    CAPTURE(kind);
    const JobSpec grouped = Good(absl::StrCat("{kind: ", kind,
                                              ", lr: 0.5, weight_decay: 0.1, groups: [{match: "
                                              "\"2.*\", lr_scale: 0.25, weight_decay: 0.3}]}"));
    const JobSpec plain = Good(absl::StrCat("{kind: ", kind, ", lr: 0.125, weight_decay: 0.3}"));
    std::vector<float> found, expected;
    for (const auto& [job, out] : {std::pair(&grouped, &found), std::pair(&plain, &expected)}) {
      float weight = 0.7f, first = 0.2f, second = 0.4f;
      const float gradient = -0.9f;
      ApplyUpdate(StepOf(*job, "2.weight"),
                  {&gradient, nullptr, &weight, &weight, &first, &first, &second, &second}, 1);
      *out = {weight, first, second};
    }
    CHECK(found == expected);
  }
}

TEST_CASE("a learning rate of 0 leaves weights as they are") {
  for (const std::string kind : {"sgd", "momentum", "adagrad", "rmsprop", "adam", "adamw"}) {
    const JobSpec job = Good(absl::StrCat(
        "{kind: ", kind, ", weight_decay: 0.1, groups: [{match: \"*\", lr_scale: 0}]}"));
    for (const float before : {0.7f, -0.0f, 0.0f, -3e-42f}) {
      for (const float gradient : {2.5f, -2.5f}) {
        CAPTURE(kind, before, gradient);
        float weight = before, first = 0.2f, second = 0.4f;
        ApplyUpdate(StepOf(job, "0.weight"),
                    {&gradient, nullptr, &weight, &weight, &first, &first, &second, &second}, 1);
        CHECK(weight == before);
      }
    }
  }
}

TEST_CASE("a group that no tensor is of is refused with the names there are, as is an empty one") {
  CHECK(Wrong("{groups: [{match: \"1.*\", lr_scale: 2}]}") ==
        "train.optimizer.groups.0.match: found '1.*', which matches no tensor; expected some of "
        "0.weight, 0.bias, 2.weight, 2.bias, 3.weight, 3.bias");
  CHECK(Wrong("{groups: [{match: \"*.running_mean\", lr_scale: 2}]}")
            .find("matches no tensor; expected some of 0.weight") != std::string::npos);
  CHECK(Wrong("{groups: [{match: \"0.*\", lr_scale: 2}, {match: \"0.bias\", lr_scale: 1}]}") ==
        "train.optimizer.groups.1.match: found '0.bias', whose tensors are all of earlier groups; "
        "expected some of 2.weight, 2.bias, 3.weight, 3.bias");
  CHECK(Wrong("{groups: [{match: \"*\"}]}") ==
        "train.optimizer.groups.0: found neither lr_scale nor weight_decay; expected one of them, "
        "or both");
  CHECK(Wrong("{groups: [{match: \"*\", lr_scale: -1}]}").find("lr_scale") != std::string::npos);
  CHECK(Wrong("{groups: [{lr_scale: 2}]}").find("match: missing") != std::string::npos);
  CHECK(Wrong("{groups: [{match: \"*\", lr: 2, lr_scale: 1}]}").find("unknown key") !=
        std::string::npos);
  CHECK(Wrong("{groups: {match: \"*\"}}").find("found a map") != std::string::npos);
}

TEST_CASE("a slice is accumulated in parts that divide it") {
  CHECK(Good("").accumulate == 1);
  CHECK(Good("", "  accumulate: 3\n").accumulate == 3);
  CHECK(Wrong("", "  accumulate: 4\n") ==
        "train.accumulate: found 4; expected a divisor of a slice's samples, which are batch_size "
        "24 / virtual_workers 4 = 6");
  CHECK(Wrong("", "  accumulate: 0\n").find("train.accumulate: found '0'") == 0);
}

TEST_CASE("what is multiplied is float32 unless a job says bf16") {
  CHECK(Good("").model.precision == Precision::kFloat32);
  CHECK(Good("", "  precision: float32\n").model.precision == Precision::kFloat32);
  CHECK(Good("", "  precision: bf16\n").model.precision == Precision::kBfloat16);
  CHECK(Wrong("", "  precision: fp16\n").find("expected one of float32, bf16") !=
        std::string::npos);
}

}  // namespace paracord
