#include "tests/cluster/jobs.h"
#include "tests/worker/data/data_files.h"

namespace paracord {
namespace {

// Images that are moved, mirrored and normalised while they train; batches that no number of
// workers divides.
SmallJob ImagesJob(const TemporaryFolder& folder) {
  std::string labels;
  for (int i = 0; i < 53; ++i) labels += static_cast<char>(i % 3);
  const std::string images = folder.Write("images", Idx({53, 6, 6}, RandomBytes(1, 53 * 36)));
  const std::string data = absl::StrCat("{format: idx, images: ", images,
                                        ", labels: ", folder.Write("labels", Idx({53}, labels)));
  return {absl::StrCat(R"(name: augmented
seed: 31
model:
  input: [6, 6]
  layers: [flatten, {linear: 24}, relu, {linear: 3}]
  loss: softmax_cross_entropy
data:
  train: )",
                       data, ", rows: {every: 5, except: 4}}\n  test: ", data,
                       R"(, rows: {every: 5, at: 4}}
  scale: 0.00392156862745098
  normalize: {mean: [0.5], std: [0.3]}
  augment: {flip: horizontal, crop: {padding: 2}}
train:
  epochs: 4
  batch_size: 13
  virtual_workers: 6
  optimizer: {kind: momentum, lr: 0.05, momentum: 0.9}
  evaluate: {every: 1 epoch, metrics: [accuracy]}
)")};
}

TEST_CASE("augmented images give the plain loop's bits on any number of workers", "[cluster]") {
  const TemporaryFolder folder;
  const SmallJob job = ImagesJob(folder);
  for (const uint32_t workers : {1, 2, 3, 4}) {
    INFO(workers << " workers");
    MiniCluster cluster({.servers = 2, .workers = workers, .slots = 2});
    CheckSameBits(cluster, cluster.Submit(job.Yaml(workers)), job);
  }
}

TEST_CASE("augmentation changes what is trained, so that equal bits mean something", "[cluster]") {
  const TemporaryFolder folder;
  SmallJob job = ImagesJob(folder);
  const std::vector<double> losses = job.Plain().losses;
  const size_t at = job.text.find("  augment:");
  job.text.erase(at, job.text.find('\n', at) + 1 - at);
  CHECK(job.Plain().losses != losses);
}

}  // namespace
}  // namespace paracord
