#include "worker/evaluation_watch.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "worker/lane.h"

namespace paracord {
namespace {

JobSpec Spec(const std::string& stop, const std::string& best, bool skips = false) {
  return ParseJobOrStatus(
             "name: watched\n"
             "model: {input: [4], layers: [{linear: 3}], loss: softmax_cross_entropy}\n"
             "data:\n"
             "  train: {format: synthetic, samples: 9, features: 4, classes: 3}\n"
             "  test: {format: synthetic, samples: 9, features: 4, classes: 3}\n"
             "train: {steps: 900, batch_size: 9, optimizer: {kind: sgd}, evaluate: {every: 1 "
             "epoch, metrics: [accuracy]}" +
                 (stop.empty() ? "" : ", early_stop: " + stop) + "}\n" +
                 (best.empty() ? "" : "checkpoint: {best: " + best + "}\n") +
                 (skips ? "on_nonfinite: skip_step\n" : ""),
             "/")
      .value();
}

struct Figures {
  float loss, accuracy;
};

// A job's metrics tensor, as its tasks and servers hand it from step to step.
struct Carried {
  explicit Carried(JobSpec s, const std::string& job = "watched-1") : spec(std::move(s)) {
    watch.Follow(job, 1);
  }
  // What is known after `step`, which begins with an evaluation if there are figures.
  Standings Step(uint64_t step, const Figures* figures) {
    Leaf leaf(spec.MetricFloats(), step, 0);
    watch.Tell(watch.Read(tensor.data()), figures != nullptr, &leaf[0]);
    for (size_t i = 0; i < tensor.size(); ++i) tensor[i] = leaf[i];
    if (figures != nullptr) {
      tensor[Leaf::kEvaluation] = figures->loss;
      tensor[Leaf::kEvaluation + 1] = figures->accuracy;
    }
    return watch.Read(tensor.data());
  }

  const JobSpec spec;
  EvaluationWatch watch{spec};
  std::vector<float> tensor = std::vector<float>(spec.MetricFloats(), 0.0f);
};

// From all figures so far, looked at anew: the plain meaning of the words.
Standing Plain(const std::vector<std::pair<uint64_t, double>>& figures, bool rises, double least) {
  Standing plain;
  for (const auto& [step, figure] : figures) {
    const double best = static_cast<double>(plain.value);
    const bool better = plain.step == 0 ? !std::isnan(figure)
                        : rises         ? figure > best + least
                                        : figure < best - least;
    if (better) {
      plain = {static_cast<float>(figure), step, 0};
    } else {
      ++plain.misses;
    }
  }
  return plain;
}

void CheckSame(const Standing& found, const Standing& plain) {
  CHECK(found.step == plain.step);
  CHECK(found.misses == plain.misses);
  CHECK(found.value == plain.value);
}

TEST_CASE("what evaluations lead to is carried from step to step, as all of them together say") {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    Carried carried(
        Spec("{metric: test_loss, patience: 4, min_delta: 0.125}", "test_accuracy", seed % 2 == 1));
    std::vector<std::pair<uint64_t, double>> losses, accuracies;
    uint64_t step = random() % 3 == 0 ? (uint64_t{1} << 20) - 5 : 1;  // over two floats' border
    for (const uint64_t end = step + 40; step < end; ++step) {
      Figures figures{static_cast<float>(random() % 64) / 32, static_cast<float>(random() % 8) / 8};
      if (random() % 10 == 0) figures.loss = std::numeric_limits<float>::quiet_NaN();
      const bool evaluates = random() % 2 == 0;
      const Standings found = carried.Step(step, evaluates ? &figures : nullptr);
      if (evaluates) losses.emplace_back(step, figures.loss);
      if (evaluates) accuracies.emplace_back(step, figures.accuracy);
      CheckSame(found.early_stop, Plain(losses, false, 0.125));
      CheckSame(found.best, Plain(accuracies, true, 0));
      CHECK(carried.watch.Ends(found) == (found.early_stop.misses >= 4));
      if (carried.spec.skips_nonfinite) CHECK(carried.tensor.back() == 0);
    }
  }
}

TEST_CASE("an improvement by min_delta and no more is none, an equal figure is no better best") {
  Carried carried(Spec("{metric: test_accuracy, patience: 2, min_delta: 0.25}", "test_accuracy"));
  const std::vector<Figures> figures = {{1, 0.25f}, {1, 0.5f}, {1, 0.5f}};
  CHECK(carried.Step(1, &figures[0]).early_stop.step == 1);
  const Standings second = carried.Step(2, &figures[1]);
  CHECK(second.early_stop.step == 1);
  CHECK(second.best.step == 2);
  const Standings third = carried.Step(3, &figures[2]);
  CHECK(third.best.step == 2);
  CHECK(carried.watch.Ends(third));
  CHECK(carried.watch.Why(third) ==
        "test_accuracy was 0.25 at step 1, and has not improved in 2 evaluations since");
  pb::Evaluations told;
  carried.watch.Fill(third, 3, &told);
  CHECK(told.judged() == 3);
  CHECK(told.best_step() == 2);
  CHECK(told.best().name() == "test_accuracy");
  CHECK(told.best().value() == 0.5);
}

TEST_CASE("figures that are no numbers improve nothing, and end a job with words of their own") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  Carried carried(Spec("{metric: test_loss, patience: 2}", "test_loss"));
  const Figures figures{nan, 0.5f};
  CHECK_FALSE(carried.watch.Ends(carried.Step(1, &figures)));
  const Standings second = carried.Step(2, &figures);
  CHECK(carried.watch.Ends(second));
  CHECK(carried.watch.Why(second) == "test_loss was no number in 2 evaluations");
  pb::Evaluations told;
  carried.watch.Fill(second, 2, &told);
  CHECK(told.best_step() == 0);
}

TEST_CASE("a job that begins with another one's weights counts its own evaluations alone") {
  const JobSpec spec = Spec("{metric: test_loss, patience: 2}", "");
  Carried first(spec, "watched-1"), second(spec, "watched-2");
  const Figures good{1, 0.5f}, bad{2, 0.5f};
  first.Step(1, &good);
  first.Step(2, &bad);
  CHECK(first.watch.Ends(first.Step(3, &bad)));
  second.tensor = first.tensor;
  CHECK(second.watch.Read(second.tensor.data()).early_stop.misses == 0);
  CHECK(second.Step(4, &bad).early_stop.step == 4);
}

TEST_CASE("whatever floats a server sends, they are read as some standing") {
  std::mt19937_64 random(3);
  Carried carried(Spec("{metric: test_loss, patience: 2}", "test_accuracy"));
  const Figures figures{1, 0.5f};
  carried.Step(1, &figures);
  const std::vector<float> strange = {std::numeric_limits<float>::quiet_NaN(), -1, 1e30f,
                                      std::numeric_limits<float>::infinity(), 0.5f};
  for (int round = 0; round < 1000; ++round) {
    std::vector<float> tensor = carried.tensor;
    const size_t first = tensor.size() - kWatchFloats + 1;
    for (size_t i = first; i < tensor.size(); ++i) tensor[i] = strange[random() % strange.size()];
    const Standings read = carried.watch.Read(tensor.data());
    CHECK(read.early_stop.misses <= (uint64_t{1} << 24) + 1);
  }
}

}  // namespace
}  // namespace paracord
