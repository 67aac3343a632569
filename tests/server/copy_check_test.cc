#include "server/copy_check.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "server/checkpoint_copy.h"
#include "tests/server/shard_room.h"

namespace paracord {
namespace {

JobSpec SpecOf(const std::string& more, int units = 3) {
  return ParseJobOrStatus(
             absl::StrCat("name: j\nmodel: {input: [4], layers: [{linear: ", units,
                          "}], loss: softmax_cross_entropy}\n"
                          "data:\n  train: {format: synthetic, samples: 40, features: 4, ",
                          "classes: ", units, "}\n  test: {format: synthetic, samples: 8, ",
                          "features: 4, classes: ", units, "}\n", more),
             "/")
      .value();
}

const char* const kTrain = "train: {steps: 20, batch_size: 8, virtual_workers: 4}\n";

// Of step 9, with floats that are all 0.
void WriteCopyOf(const ShardJob& job, const std::string& folder, bool says = true) {
  const std::vector<BlockRange> shards = job.grid.Cut(2);
  for (size_t i = 0; i < shards.size(); ++i) {
    Generation generation;
    generation.record = MakeRecord(9, shards[i]);
    generation.record.set_optimizer("sgd");
    generation.record.set_virtual_workers(job.spec.virtual_workers);
    for (uint64_t b = shards[i].begin; b < shards[i].end; ++b) {
      const uint32_t floats = job.grid.block(b).floats;
      const std::shared_ptr<float> zeros(new float[floats](), std::default_delete<float[]>());
      generation.blocks.push_back({b, 9, zeros, nullptr, nullptr, nullptr, floats});
    }
    const auto settings = says ? StateSettings(job.spec) : std::vector<StateSetting>();
    REQUIRE(WriteCopy(folder, job.grid, 0, shards, i, generation, settings).ok());
  }
}

struct Copy {
  TemporaryDirectory directory{FastFolder()};
  std::string folder = directory.path() + "/copy";

  explicit Copy(bool says = true) { WriteCopyOf(ShardJob("j-1", SpecOf(kTrain)), folder, says); }
  std::string Why(const JobSpec& spec) const {
    return std::string(CheckCopySuits(folder, spec).message());
  }
};

TEST_CASE("a copy suits a job of its model, optimizer and slices") {
  const Copy copy;
  const absl::Status suits = CheckCopySuits(copy.folder, SpecOf(kTrain));
  INFO(suits.message());
  CHECK(suits.ok());
}

TEST_CASE("each setting in which a job differs from a copy is named, found and expected") {
  const Copy copy;
  const std::string train = "train: {steps: 20, batch_size: 8, ";
  const std::string why = copy.Why(SpecOf(
      train + "virtual_workers: 2, optimizer: {kind: adam}, evaluate: {metrics: [accuracy]}}\n"));
  INFO(why);
  CHECK(why.find("train.optimizer.kind: found adam; expected sgd\n"
                 "train.virtual_workers: found 2; expected 4\n"
                 "train.evaluate.metrics: found [accuracy]; expected []") != std::string::npos);
  const std::string stops = copy.Why(SpecOf(
      train + "virtual_workers: 4, early_stop: {metric: test_loss}}\non_nonfinite: skip_step\n"));
  INFO(stops);
  CHECK(stops.find("train.early_stop, checkpoint.best: found one of them; expected neither\n"
                   "on_nonfinite: found skip_step; expected fail") != std::string::npos);
}

TEST_CASE("each tensor in which a job's model differs from a copy's is named") {
  const Copy copy;
  const std::string why = copy.Why(SpecOf(kTrain, 5));
  INFO(why);
  CHECK(why.find("tensor '0.weight': found shape [3, 4]; expected [5, 4]") != std::string::npos);
  CHECK(why.find("tensor '0.bias': found shape [3]; expected [5]") != std::string::npos);
}

TEST_CASE("a copy of a step beyond the job's last one is refused") {
  const Copy copy;
  CHECK(copy.Why(SpecOf("train: {steps: 8, batch_size: 8, virtual_workers: 4}\n")) ==
        "found step 9; expected one of at most train.steps, 8");
}

TEST_CASE("a copy that does not say how its metrics are cut is refused by its headers") {
  const Copy silent(false);
  CHECK(CheckCopySuits(silent.folder, SpecOf(kTrain)).ok());
  const absl::Status other =
      CheckCopySuits(silent.folder, SpecOf(std::string(kTrain) + "on_nonfinite: skip_step\n"));
  CHECK(other.message().find("its header is not that of this job's model") != std::string::npos);
}

TEST_CASE("a folder without a copy, and a copy that lacks a file, are refused") {
  const Copy copy;
  const JobSpec spec = SpecOf(kTrain);
  CHECK(absl::IsNotFound(CheckCopySuits(copy.directory.path() + "/none", spec)));
  std::filesystem::remove(copy.folder + "/model-00001-of-00002.safetensors");
  CHECK(absl::IsDataLoss(CheckCopySuits(copy.folder, spec)));
}

}  // namespace
}  // namespace paracord
