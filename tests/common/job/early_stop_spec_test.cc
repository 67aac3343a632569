// What a job file says of early stopping and of the best checkpoint.
#include <catch2/catch.hpp>

#include "common/job/job_spec.h"

namespace paracord {
namespace {

struct Lines {
  std::string test = ", test: {format: csv, path: b.csv, label: y}";
  std::string evaluate = "{every: 5 steps, metrics: [accuracy, log_loss]}";
  std::string stop = "", checkpoint = "{}", consistency = "bsp", init = "";
};

ParsedJob Parse(const Lines& lines) {
  return ParseJob(
      "model: {input: [4], layers: [{linear: 3}], loss: softmax_cross_entropy}\n"
      "data: {train: {format: csv, path: a.csv, label: y}" +
          lines.test + "}\n" +
          "train: {epochs: 2, batch_size: 10, optimizer: {kind: sgd}, evaluate: " + lines.evaluate +
          (lines.stop.empty() ? "" : ", early_stop: " + lines.stop) + "}\n" +
          "checkpoint: " + lines.checkpoint + "\nconsistency: " + lines.consistency + "\n" +
          (lines.init.empty() ? "" : "init: " + lines.init + "\n"),
      "/jobs");
}

std::string Errors(const Lines& lines) {
  std::string text;
  for (const ConfigError& error : Parse(lines).errors) text += ErrorString(error) + "\n";
  return text;
}

TEST_CASE("a job stops early, and has a best checkpoint, only if it says so") {
  const JobSpec plain = Parse({}).spec;
  CHECK_FALSE(plain.early_stop.has_value());
  CHECK_FALSE(plain.checkpoint.best.has_value());
  CHECK_FALSE(plain.watches_evaluations());
  for (const Lines& lines : {Lines{.stop = "{metric: test_loss}"},
                             Lines{.checkpoint = "{best: test_accuracy, keep: 1}"}}) {
    CHECK(Errors(lines) == "");
    CHECK(Parse(lines).spec.watches_evaluations());
    CHECK(Parse(lines).spec.MetricFloats() == plain.MetricFloats() + kWatchFloats);
  }
}

TEST_CASE("an early stop has a metric, and defaults for the rest") {
  const JobSpec spec = Parse({.stop = "{metric: test_loss}"}).spec;
  REQUIRE(spec.early_stop.has_value());
  CHECK(spec.early_stop->metric.name == "test_loss");
  CHECK(spec.early_stop->metric.place == 0);
  CHECK_FALSE(spec.early_stop->metric.rises);
  CHECK(spec.early_stop->patience == 3);
  CHECK(spec.early_stop->min_delta == 0);
  const auto full =
      Parse({.stop = "{metric: test_accuracy, patience: 7, min_delta: 0.25}"}).spec.early_stop;
  REQUIRE(full.has_value());
  CHECK(full->metric.place == 1);
  CHECK(full->metric.rises);
  CHECK(full->patience == 7);
  CHECK(full->min_delta == 0.25);
}

TEST_CASE("whether larger is better follows from the metric") {
  struct Case {
    std::string loss, metric;
    int64_t outputs;
    bool rises;
  };
  for (const Case& c :
       {Case{"softmax_cross_entropy", "accuracy", 9, true},
        Case{"softmax_cross_entropy", "top_5", 9, true},
        Case{"softmax_cross_entropy", "log_loss", 9, false},
        Case{"softmax_cross_entropy", "perplexity", 9, false},
        Case{"softmax_cross_entropy", "bits_per_byte", 256, false},
        Case{"binary_cross_entropy", "auc", 1, true}, Case{"mse", "rmse", 1, false}}) {
    CAPTURE(c.metric);
    const ParsedJob job =
        ParseJob("model: {input: [4], layers: [{linear: " + std::to_string(c.outputs) +
                     "}], loss: " + c.loss +
                     "}\n"
                     "data: {train: {format: csv, path: a.csv, label: y}, "
                     "test: {format: csv, path: b.csv, label: y}}\n"
                     "train: {epochs: 2, batch_size: 10, optimizer: {kind: sgd}, evaluate: "
                     "{metrics: [" +
                     c.metric + "]}}\ncheckpoint: {best: test_" + c.metric + "}\n",
                 "/jobs");
    REQUIRE(job.errors.empty());
    REQUIRE(job.spec.checkpoint.best.has_value());
    CHECK(job.spec.checkpoint.best->rises == c.rises);
    CHECK(job.spec.checkpoint.best->place == 1);
  }
}

TEST_CASE("a metric that no evaluation gives is told with those there are") {
  CHECK(Errors({.stop = "{metric: test_auc}"}) ==
        "line 3: train.early_stop.metric: found 'test_auc'; expected one of test_loss, "
        "test_accuracy, test_log_loss\n");
  CHECK(Errors({.checkpoint = "{best: test_acuracy}"}) ==
        "line 4: checkpoint.best: found 'test_acuracy'; expected one of test_loss, test_accuracy, "
        "test_log_loss; did you mean 'test_accuracy'?\n");
  CHECK(Errors({.stop = "{patience: 3}"}) ==
        "line 3: train.early_stop.metric: missing; expected one of test_loss, test_accuracy, "
        "test_log_loss\n");
}

TEST_CASE("wrong settings of an early stop are told one by one") {
  CHECK(Errors({.stop = "{metric: test_loss, patience: 0, min_delta: -1, patienc: 2}"}) ==
        "line 3: train.early_stop.patience: found '0'; expected a whole number from 1 to 1000000\n"
        "line 3: train.early_stop.min_delta: found '-1'; expected a number from 0 to 1e+30\n"
        "line 3: train.early_stop.patienc: unknown key; did you mean 'patience'?\n");
}

TEST_CASE("without evaluations on the way neither can be had") {
  const std::string test = " without a test set; expected data.test to evaluate on\n";
  CHECK(Errors({.test = "", .evaluate = "{}", .stop = "{metric: test_loss}"}) ==
        "line 3: train.early_stop: found" + test);
  CHECK(Errors({.test = "", .evaluate = "{}", .checkpoint = "{best: test_loss}"}) ==
        "line 4: checkpoint.best: found" + test);
  const std::string end =
      " with train.evaluate.every: end; expected evaluations before it, as in '1 epoch'\n";
  CHECK(Errors({.evaluate = "{every: end}", .stop = "{metric: test_loss}"}) ==
        "line 3: train.early_stop: found" + end);
  CHECK(Errors({.evaluate = "{every: end}", .checkpoint = "{best: test_loss}"}) ==
        "line 4: checkpoint.best: found" + end);
}

TEST_CASE("both need bsp") {
  const std::string bsp = "; expected bsp: only there all evaluate the same weights\n";
  for (const std::string mode : {"{ssp: 2}", "async"}) {
    const std::string found =
        "line 5: consistency: found " + std::string(mode == "async" ? "async" : "ssp(2)");
    CHECK(Errors({.stop = "{metric: test_loss}", .consistency = mode}) ==
          found + " with train.early_stop" + bsp);
    CHECK(Errors({.checkpoint = "{best: test_loss}", .consistency = mode}) ==
          found + " with checkpoint.best" + bsp);
    CHECK(Errors({.consistency = mode}) == "");
  }
}

TEST_CASE("evaluations come by steps or epochs, and never without a test set") {
  CHECK(Parse({}).spec.EvaluationSteps(101) == 5);
  CHECK(Parse({.evaluate = "{every: 2 epochs}"}).spec.EvaluationSteps(101) == 22);
  CHECK(Parse({.evaluate = "{every: end}"}).spec.EvaluationSteps(101) == 0);
  CHECK(Parse({.test = "", .evaluate = "{every: 5 steps}"}).spec.EvaluationSteps(101) == 0);
}

TEST_CASE("a job may begin with another one's best checkpoint") {
  const InitSpec best = Parse({.init = "{job: other-1, step: best}"}).spec.init;
  CHECK(best.best);
  CHECK_FALSE(best.step.has_value());
  CHECK_FALSE(Parse({.init = "{job: other-1, step: 4}"}).spec.init.best);
  CHECK(Errors({.init = "{job: other-1, step: newest}"}) ==
        "line 6: init.step: found 'newest'; expected a whole number from 0 to 1e+15\n");
}

}  // namespace
}  // namespace paracord
