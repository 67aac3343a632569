#include "common/job/state_settings.h"

#include <catch2/catch.hpp>

namespace paracord {
namespace {

TEST_CASE("jobs that sum as much for their metrics are alike, whatever they are called") {
  JobSpec a, b;
  a.evaluate.metrics = {MetricKind::kAccuracy};
  b.evaluate.metrics = {MetricKind::kTop5};
  CHECK(SettingsThatDiffer(StateSettings(a), StateSettings(b)).empty());
  b.evaluate.metrics = {MetricKind::kTop5, MetricKind::kAuc};
  CHECK(
      SettingsThatDiffer(StateSettings(a), StateSettings(b)) ==
      std::vector<std::string>{"train.evaluate.metrics: found [accuracy]; expected [top_5, auc]"});
}

TEST_CASE("blocks of metrics of one size that mean different things are not alike") {
  JobSpec sums, skips;
  sums.evaluate.metrics = {MetricKind::kAccuracy};
  skips.skips_nonfinite = true;
  REQUIRE(sums.MetricFloats() == skips.MetricFloats());
  CHECK(SettingsThatDiffer(StateSettings(sums), StateSettings(skips)).size() == 2);
}

TEST_CASE("what one side does not say is not compared") {
  JobSpec spec;
  spec.virtual_workers = 4;
  const std::vector<StateSetting> little = {{"train.virtual_workers", "8"}};
  CHECK(SettingsThatDiffer(StateSettings(spec), little) ==
        std::vector<std::string>{"train.virtual_workers: found 4; expected 8"});
}

TEST_CASE("the first tensor that differs is told, or how many there are") {
  ModelSpec a, b;
  a.tensors.resize(2);
  a.tensors[0].name = "0.weight";
  a.tensors[0].shape = {3, 4};
  a.tensors[1].name = "0.bias";
  a.tensors[1].shape = {3};
  b = a;
  CHECK(TensorThatDiffers(a, b) == "");
  b.tensors[1].shape = {4};
  CHECK(TensorThatDiffers(a, b) == "model: found tensor '0.bias' [3]; expected '0.bias' [4]");
  b.tensors.pop_back();
  CHECK(TensorThatDiffers(a, b) == "model: found 2 tensors; expected 1");
}

}  // namespace
}  // namespace paracord
