// Small jobs for whole clusters: every update rule and layer that could depend on who computes
// what, batches that no number of workers divides, and one that leaves slices empty.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "tests/support/mini_cluster.h"

namespace paracord {

struct SmallJob {
  std::string text;

  std::string Yaml(uint32_t workers) const {
    return absl::StrCat(text, "workers: ", workers, "\n");
  }
  // Worked out once.
  const PlainRun& Plain() const {
    static auto& runs = *new std::map<std::string, PlainRun>;
    const auto known = runs.find(text);
    if (known != runs.end()) return known->second;
    return runs[text] = RunPlainLoop(Yaml(1));
  }
};

// The first layer's weights are two blocks; batches 26, 26, 9 over 8 slices.
inline SmallJob DropoutJob() {
  return {R"(name: dropout
seed: 11
model:
  input: [150]
  layers: [{linear: 120}, relu, {dropout: 0.25}, {linear: 5}]
  loss: softmax_cross_entropy
data:
  train: {format: synthetic, samples: 61, features: 150, classes: 5, noise: 0.1, seed: 1}
  test: {format: synthetic, samples: 37, features: 150, classes: 5, seed: 1}
train:
  epochs: 4
  batch_size: 26
  virtual_workers: 8
  optimizer: {kind: momentum, lr: 0.1, momentum: 0.9, weight_decay: 0.001}
  evaluate: {every: 1 epoch, metrics: [accuracy]}
)"};
}

// Six slices, so that the tree is lopsided; the last batch has 3 samples, so that slices are empty.
inline SmallJob AdamwJob() {
  return {R"(name: adamw
seed: 12
model:
  input: [12]
  layers: [{linear: 20}, tanh, {linear: 16}, gelu, {linear: 3}]
  loss: {softmax_cross_entropy: {label_smoothing: 0.1, class_weights: [1, 0.5, 2]}}
data:
  train: {format: synthetic, samples: 43, features: 12, classes: 3, seed: 2}
  test: {format: synthetic, samples: 5, features: 12, classes: 3, seed: 2}
train:
  steps: 13
  batch_size: 10
  virtual_workers: 6
  optimizer: {kind: adamw, lr: 0.02, weight_decay: 0.01, warmup: 3, schedule: {cosine: {final_lr: 1e-4}}}
  evaluate: {every: 3 steps, metrics: [accuracy, perplexity]}
)"};
}

inline SmallJob NesterovJob() {
  return {R"(name: nesterov
seed: 13
model:
  input: [9]
  layers: [{linear: 14}, tanh, {dropout: 0.1}, {linear: {units: 7, bias: false}}, sigmoid, {linear: 1}]
  loss: mse
data:
  train: {format: synthetic, samples: 90, features: 9, noise: 0.1, seed: 3}
  test: {format: synthetic, samples: 21, features: 9, seed: 3}
  scale: 2
train:
  epochs: 2
  batch_size: 13
  virtual_workers: 8
  optimizer: {kind: momentum, nesterov: true, lr: 0.2, schedule: linear}
  evaluate: {every: 1 epoch, metrics: [rmse]}
)"};
}

// No test set, and fewer blocks than some clusters have servers and metrics.
inline SmallJob SgdJob() {
  return {R"(name: sgd
seed: 14
model:
  input: [6]
  layers: [{linear: {units: 4, bias: false}}]
  loss: softmax_cross_entropy
data:
  train: {format: synthetic, samples: 33, features: 6, classes: 4, seed: 4}
train:
  epochs: 2
  batch_size: 7
  virtual_workers: 6
  optimizer: {kind: sgd, lr: 0.5, schedule: {step: {every: 4, factor: 0.5}}}
)"};
}

// A graph with images, clipped: running averages of batch norms, a residual, a weight that two
// layers read; the last step of an epoch has empty slices.
inline SmallJob GraphJob() {
  return {R"(name: graph
seed: 15
model:
  input: [1, 4, 4]
  layers:
    - {conv2d: {channels: 4, kernel: 3, padding: 1, bias: false}}
    - batch_norm
    - relu
    - residual:
        body: [{conv2d: {channels: 6, kernel: 3, stride: 2, padding: 1}}, {batch_norm: {momentum: 0.3}}]
        shortcut: [{conv2d: {channels: 6, kernel: 1, stride: 2}}]
    - {dropout: 0.1}
    - global_avg_pool
    - {linear: {units: 6, name: hidden}}
    - tanh
    - {linear: {tied: hidden}}
    - {linear: 3}
  loss: softmax_cross_entropy
data:
  train: {format: synthetic, samples: 44, features: 16, classes: 3, seed: 5}
  test: {format: synthetic, samples: 9, features: 16, classes: 3, seed: 5}
train:
  epochs: 5
  batch_size: 20
  virtual_workers: 6
  clip_norm: 0.9
  optimizer: {kind: adam, lr: 0.02, weight_decay: 0.001}
  evaluate: {every: 1 epoch, metrics: [accuracy]}
)"};
}

// What a loss, an optimizer and metrics can be told: weights, no decay of biases, an AUC that
// travels as counts.
inline SmallJob AucJob() {
  return {R"(name: auc
seed: 15
model:
  input: [11]
  layers: [{linear: 13}, gelu, {linear: 1}]
  loss: {binary_cross_entropy: {positive_weight: 1.5}}
data:
  train: {format: synthetic, samples: 50, features: 11, classes: 2, noise: 0.1, seed: 5}
  test: {format: synthetic, samples: 41, features: 11, classes: 2, noise: 0.1, seed: 5}
train:
  epochs: 3
  batch_size: 17
  virtual_workers: 8
  optimizer: {kind: adamw, lr: 0.02, weight_decay: 0.5, no_decay: vectors}
  evaluate: {every: 1 epoch, metrics: [auc, accuracy, log_loss]}
)"};
}

// What saves memory and time of a worker: slices in parts, values computed again, bfloat16; and
// tensors with settings of their own. The last step's slices have one part of a row, or none.
inline SmallJob SavingJob() {
  return {R"(name: saving
seed: 16
model:
  input: [2, 4, 4]
  layers:
    - {conv2d: {channels: 4, kernel: 3, padding: 1, bias: false}}
    - {repeat: {times: 2, layers: [{residual: [batch_norm, relu, {conv2d: {channels: 4, kernel: 1}}]}, {dropout: 0.1}]}}
    - flatten
    - {linear: {units: 12, name: hidden}}
    - gelu
    - {linear: 3}
  loss: softmax_cross_entropy
data:
  train: {format: synthetic, samples: 52, features: 32, classes: 3, noise: 0.05, seed: 6}
  test: {format: synthetic, samples: 15, features: 32, classes: 3, noise: 0.05, seed: 6}
train:
  epochs: 4
  batch_size: 24
  virtual_workers: 6
  accumulate: 2
  recompute: true
  precision: bf16
  optimizer:
    kind: adamw
    lr: 0.01
    weight_decay: 0.1
    no_decay: vectors
    groups: [{match: "hidden.*", lr_scale: 0.5, weight_decay: 0}, {match: "0.weight", lr_scale: 2}]
  evaluate: {every: 1 epoch, metrics: [accuracy]}
)"};
}

inline std::vector<SmallJob> AllSmallJobs() {
  return {DropoutJob(), AdamwJob(), NesterovJob(), SgdJob(), GraphJob(), AucJob(), SavingJob()};
}

// The job has succeeded, with the plain loop's weights, loss and last evaluation, bit for bit.
inline void CheckSameBits(MiniCluster& cluster, const std::string& id, const SmallJob& job) {
  const PlainRun& plain = job.Plain();
  INFO(cluster.Story(id));
  REQUIRE(cluster.WaitForEnd(id) == pb::SUCCEEDED);
  const pb::JobStatus status = cluster.Get(id).status();
  CHECK(status.step() == plain.steps);
  const auto weights = cluster.ReadWeights(id);
  INFO(Describe(weights.status()));
  REQUIRE(weights.ok());
  const ModelSpec model = ParseJobOrStatus(job.Yaml(1), "/").value().model;
  REQUIRE(weights->size() == plain.weights.size());
  for (size_t t = 0; t < weights->size(); ++t) {
    INFO(model.tensors[t].name);
    REQUIRE((*weights)[t].size() == plain.weights[t].size());
    CHECK(std::memcmp((*weights)[t].data(), plain.weights[t].data(),
                      plain.weights[t].size() * sizeof(float)) == 0);
  }
  CHECK(DigestOf(model, *weights) == DigestOf(model, plain.weights));
  CHECK(status.loss() == plain.losses.back());
  std::vector<double> metrics;
  for (const pb::Metric& metric : status.metrics()) metrics.push_back(metric.value());
  CHECK(metrics ==
        (plain.evaluated.empty() ? std::vector<double>() : plain.evaluated.rbegin()->second));
}

// The same job, of so many steps.
inline SmallJob WithSteps(SmallJob job, uint64_t steps) {
  const size_t from = std::min(job.text.find("  epochs: "), job.text.find("  steps: "));
  job.text.replace(from, job.text.find('\n', from) - from, absl::StrCat("  steps: ", steps));
  return job;
}

// In ssp and async nothing is clipped.
inline std::string With(SmallJob job, const std::string& consistency, uint32_t workers) {
  const size_t clips = job.text.find("  clip_norm: ");
  if (clips != std::string::npos) job.text.erase(clips, job.text.find('\n', clips) + 1 - clips);
  return absl::StrCat(job.Yaml(workers), "consistency: ", consistency, "\n");
}

// Every sample of every epoch has been applied, and none twice.
inline void CheckAudit(MiniCluster& cluster, const std::string& id) {
  const auto rows = cluster.Audit(id);
  INFO(Describe(rows.status()));
  REQUIRE(rows.ok());
  CHECK_FALSE(rows->empty());
  for (const AuditRow& row : *rows) {
    CAPTURE(row.epoch, row.expected, row.applied, row.repeated, row.missing);
    CHECK(row.expected > 0);
    CHECK(row.applied == row.expected);
    CHECK(row.repeated == 0);
    CHECK(row.missing == 0);
  }
}

inline void CheckTrained(MiniCluster& cluster, const std::string& id) {
  INFO(cluster.Story(id));
  REQUIRE(cluster.WaitForEnd(id) == pb::SUCCEEDED);
  const pb::JobStatus status = cluster.Get(id).status();
  CHECK(status.step() == status.steps());
  CHECK(status.loss() > 0);
  CheckAudit(cluster, id);
}

}  // namespace paracord
