#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/job/job_spec.h"
#include "common/job/optimizer.h"

namespace paracord {
namespace {

// A job whose model has so many outputs, with this loss and these lines in `train`.
JobSpec Good(int outputs, const std::string& loss, const std::string& train = "") {
  const std::string text =
      absl::StrCat("model: {input: [4], layers: [{linear: ", outputs, "}], loss: ", loss,
                   "}\ndata:\n  train: {format: csv, path: a.csv, label: y}\n"
                   "  test: {format: csv, path: b.csv, label: y}\n"
                   "train:\n  steps: 3\n  batch_size: 10\n",
                   train);
  const absl::StatusOr<JobSpec> job = ParseJobOrStatus(text, "/");
  INFO(text);
  INFO(job.status());
  REQUIRE(job.ok());
  return *job;
}

}  // namespace

TEST_CASE("a loss is a word, or a map with its settings") {
  const ModelSpec word = Good(3, "softmax_cross_entropy").model;
  CHECK(word.loss == LossKind::kSoftmaxCrossEntropy);
  CHECK(word.loss_settings.label_smoothing == 0);
  CHECK(word.loss_settings.class_weights.empty());
  const ModelSpec smooth =
      Good(3, "{softmax_cross_entropy: {label_smoothing: 0.1, class_weights: [1, 0, 2.5]}}").model;
  CHECK(smooth.loss == LossKind::kSoftmaxCrossEntropy);
  CHECK(smooth.loss_settings.label_smoothing == 0.1);
  CHECK(smooth.loss_settings.class_weights == std::vector<double>{1, 0, 2.5});
  const ModelSpec binary = Good(1, "{binary_cross_entropy: {positive_weight: 2}}").model;
  CHECK(binary.loss == LossKind::kBinaryCrossEntropy);
  CHECK(binary.loss_settings.positive_weight == 2);
  CHECK(Good(1, "{mse: {}}").model.loss == LossKind::kMeanSquaredError);
}

TEST_CASE("softmax is over the last axis, and has a label for each place before it") {
  ModelSpec model;
  model.input = {5, 7, 10};
  model.loss = LossKind::kSoftmaxCrossEntropy;
  CHECK(model.classes() == 10);
  CHECK(model.label_floats() == 35);
  model.loss = LossKind::kMeanSquaredError;
  CHECK(model.label_floats() == 350);
}

TEST_CASE("each loss has metrics of its own, and the metrics block has room for their sums") {
  const auto evaluate = [](int outputs, const std::string& loss, const std::string& metrics) {
    return Good(outputs, loss, absl::StrCat("  evaluate: {metrics: [", metrics, "]}\n"));
  };
  const JobSpec bytes = evaluate(256, "softmax_cross_entropy",
                                 "accuracy, top_5, log_loss, perplexity, bits_per_byte");
  CHECK(bytes.evaluate.metrics ==
        std::vector<MetricKind>{MetricKind::kAccuracy, MetricKind::kTop5, MetricKind::kLogLoss,
                                MetricKind::kPerplexity, MetricKind::kBitsPerByte});
  CHECK(bytes.MetricFloats() == 4 + 5);
  const JobSpec binary = evaluate(1, "binary_cross_entropy", "auc, accuracy, log_loss");
  CHECK(binary.MetricFloats() == 4 + 2 * kScoreBins + 2);
  CHECK(evaluate(2, "mse", "rmse").MetricFloats() == 5);
}

TEST_CASE("weight decay is left out of tensors of one dimension where a job says so, alone there") {
  const OptimizerSpec all = Good(3, "mse", "  optimizer: {weight_decay: 0.1}\n").optimizer;
  const OptimizerSpec some =
      Good(3, "mse", "  optimizer: {weight_decay: 0.1, no_decay: vectors}\n").optimizer;
  CHECK(all.decays_vectors);
  CHECK_FALSE(some.decays_vectors);
  const UpdateStep step = PrepareUpdate(some, 0, 10);
  TensorSpec matrix, vector;
  matrix.shape = {3, 1};
  vector.shape = {3};
  CHECK(UpdateOf(matrix, some, step).weight_decay == 0.1f);
  CHECK(UpdateOf(vector, some, step).weight_decay == 0);
  CHECK(UpdateOf(vector, all, step).weight_decay == 0.1f);
  CHECK(UpdateOf(vector, some, step).lr == step.lr);
}

}  // namespace paracord
