#include "common/job/learn_vocabulary.h"
#include "tests/cluster/jobs.h"
#include "tests/worker/data/data_files.h"

namespace paracord {
namespace {

// A language model of a vocabulary's tokens, measured by bits a byte.
SmallJob TokensJob(const TemporaryFolder& folder) {
  std::string text;
  for (uint64_t i = 0; i < 900; ++i) text += "the cat sat on a mat. "[Philox(3, i / 7, 0)[0] % 22];
  VocabularyLearner learner;
  learner.Add(text);
  const std::string data = absl::StrCat(
      "{format: text, path: ", folder.Write("text", text),
      ", context: 6, vocabulary: ", folder.Write("vocabulary", learner.Learn(270).value().Text()),
      ", split: ");
  return {absl::StrCat(R"(name: tokens
seed: 41
model:
  input: [6]
  layers: [{embedding: {vocabulary: 270, width: 8}}, {linear: 270}]
  loss: softmax_cross_entropy
data:
  train: )",
                       data, "{to: 0.8}}\n  test: ", data, R"({from: 0.8}}
train:
  epochs: 3
  batch_size: 13
  virtual_workers: 6
  optimizer: {kind: adam, lr: 0.05}
  evaluate: {every: 1 epoch, metrics: [bits_per_byte, perplexity]}
  early_stop: {metric: test_bits_per_byte, patience: 1, min_delta: 0.6}
)")};
}

TEST_CASE("text in tokens gives the plain loop's bits and metrics on any number of workers",
          "[cluster]") {
  const TemporaryFolder folder;
  const SmallJob job = TokensJob(folder);
  for (const auto& [step, metrics] : job.Plain().evaluated) {
    // A token stands for more than a byte: fewer bits a byte than a token.
    CHECK(metrics[1] < 0.9 * std::log2(metrics[2]));
  }
  for (const uint32_t workers : {1, 3}) {
    INFO(workers << " workers");
    MiniCluster cluster({.servers = 2, .workers = workers, .slots = 2});
    CheckSameBits(cluster, cluster.Submit(job.Yaml(workers)), job);
  }
}

}  // namespace
}  // namespace paracord
