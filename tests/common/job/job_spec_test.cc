#include "common/job/job_spec.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace paracord {
namespace {

namespace fs = std::filesystem;

const fs::path kSource = PARACORD_SOURCE_DIR;

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path);
  REQUIRE(file);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<fs::path> YamlFiles(const fs::path& directory) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// A good job to change one thing of.
std::string Job(const std::vector<std::pair<std::string, std::string>>& changes = {}) {
  std::string text =
      "model:\n  input: [4]\n  layers: [{linear: 8}, relu, {linear: 3}]\n  loss: "
      "softmax_cross_entropy\n"
      "data:\n  train: {format: csv, path: a.csv, label: y}\n  test: {format: csv, path: b.csv, "
      "label: y}\n"
      "train:\n  epochs: 2\n  batch_size: 10\n  optimizer: {kind: sgd}\n";
  for (const auto& [from, to] : changes) {
    REQUIRE(text.find(from) != std::string::npos);
    text = absl::StrReplaceAll(text, {{from, to}});
  }
  return text;
}

JobSpec Good(const std::string& text) {
  const absl::StatusOr<JobSpec> job = ParseJobOrStatus(text, "/jobs");
  INFO(text);
  INFO(job.status());
  REQUIRE(job.ok());
  return *job;
}

OptimizerSpec Optimizer(const std::string& section) {
  return Good(Job({{"{kind: sgd}", section}})).optimizer;
}

TEST_CASE("the sample job is read as it is written") {
  const JobSpec job = Good(ReadFile(kSource / "configs/jobs/mnist-mlp.yaml"));
  CHECK(job.name == "mnist-mlp");
  CHECK(job.seed == 17);
  CHECK(job.model.input == Shape{784});
  REQUIRE(job.model.layers.size() == 5);
  CHECK(job.model.layers[2].kind == LayerKind::kLinear);
  CHECK(job.model.layers[2].input == Shape{512});
  CHECK(job.model.output() == Shape{10});
  CHECK(job.model.parameters() == 784 * 512 + 512 + 512 * 256 + 256 + 256 * 10 + 10);
  CHECK(job.train.format == DatasetSpec::Format::kIdx);
  CHECK(job.train.images == "/jobs/data/mnist/train-images-idx3-ubyte.gz");
  CHECK(job.train.Files().size() == 2);
  REQUIRE(job.test);
  CHECK(job.test->labels == "/jobs/data/mnist/t10k-labels-idx1-ubyte.gz");
  CHECK(job.scale == 0.00392156862745098);
  CHECK(job.epochs == 5);
  CHECK(job.steps == 0);
  CHECK(job.batch_size == 256);
  CHECK(job.virtual_workers == 8);
  CHECK(job.optimizer.kind == OptimizerSpec::Kind::kMomentum);
  CHECK(job.optimizer.lr == 0.2);
  CHECK(job.optimizer.schedule == OptimizerSpec::Schedule::kCosine);
  CHECK(job.evaluate.every_epochs == 1);
  CHECK(job.evaluate.metrics == std::vector<MetricKind>{MetricKind::kAccuracy});
  CHECK(job.workers == 2);
  CHECK(job.checkpoint.every_steps == 100);
  CHECK(job.checkpoint.keep == 3);
  CHECK(job.restart.max_restarts == 5);
  CHECK(job.MetricFloats() == 5);
  CHECK(job.TotalSteps(60000) == 5 * 235);
}

TEST_CASE("every job that comes with the project is good") {
  const std::vector<fs::path> files = YamlFiles(kSource / "configs/jobs");
  CHECK(files.size() >= 3);
  for (const fs::path& path : files) {
    INFO(path);
    Good(ReadFile(path));
  }
}

TEST_CASE(
    "tensors are named by their layer's place and begin within one over the root of the inputs") {
  const ModelSpec model =
      Good(Job({{"[{linear: 8}, relu, {linear: 3}]",
                 "[flatten, {linear: {units: 8, bias: false}}, relu, {dropout: 0.5}, {linear: 3}]"},
                {"[4]", "[2, 8]"}}))
          .model;
  REQUIRE(model.tensors.size() == 3);
  CHECK(model.tensors[0].name == "1.weight");
  CHECK(model.tensors[0].shape == Shape{8, 16});
  CHECK(model.tensors[0].initializer.kind == InitializerSpec::Kind::kUniform);
  CHECK(model.tensors[0].initializer.bound == 0.25f);
  CHECK(model.tensors[1].name == "4.weight");
  CHECK(model.tensors[2].name == "4.bias");
  CHECK(model.tensors[2].shape == Shape{3});
  CHECK(model.tensors[2].initializer.bound == static_cast<float>(1 / std::sqrt(8.0)));
  REQUIRE(model.layers.size() == 5);
  CHECK(model.layers[1].first_tensor == 0);
  CHECK(model.layers[1].tensor_count == 1);
  CHECK_FALSE(model.layers[1].bias);
  CHECK(model.layers[3].rate == 0.5);
  CHECK(model.layers[4].first_tensor == 1);
  CHECK(model.layers[4].tensor_count == 2);
  CHECK(model.layers[4].place == 4);
  CHECK(model.parameters() == 8 * 16 + 3 * 8 + 3);
}

TEST_CASE("an optimizer has the defaults of its kind") {
  CHECK(Good(Job({{"  optimizer: {kind: sgd}\n", ""}})).optimizer.kind ==
        OptimizerSpec::Kind::kSgd);
  CHECK(Optimizer("{kind: sgd}").lr == 0.01);
  CHECK(Optimizer("{kind: momentum}").momentum == 0.9);
  CHECK(Optimizer("{kind: adagrad}").lr == 0.01);
  CHECK(Optimizer("{kind: rmsprop}").lr == 0.001);
  CHECK(Optimizer("{kind: rmsprop}").beta2 == 0.99);
  CHECK(Optimizer("{kind: adamw, weight_decay: 0.1}").weight_decay == 0.1);
  CHECK(Optimizer("{kind: adam}").beta2 == 0.999);
  CHECK(Optimizer("{kind: momentum, nesterov: true}").nesterov);
}

TEST_CASE("a schedule is a word, or a map with its settings") {
  using Schedule = OptimizerSpec::Schedule;
  CHECK(Optimizer("{kind: sgd, schedule: linear}").schedule == Schedule::kLinear);
  CHECK(Optimizer("{kind: sgd, warmup: 30}").warmup_steps == 30);
  const OptimizerSpec step = Optimizer("{kind: sgd, schedule: {step: {every: 1000, factor: 0.5}}}");
  CHECK(step.schedule == Schedule::kStep);
  CHECK(step.step_every == 1000);
  CHECK(step.step_factor == 0.5);
  const OptimizerSpec cosine = Optimizer("{kind: sgd, schedule: {cosine: {final_lr: 1e-5}}}");
  CHECK(cosine.schedule == Schedule::kCosine);
  CHECK(cosine.final_lr == 1e-5);
}

TEST_CASE("evaluation comes every so many steps, epochs, or at the end") {
  const auto evaluate = [](const std::string& every) {
    return Good(Job() + "  evaluate: {every: " + every + "}\n").evaluate;
  };
  CHECK(evaluate("100 steps").every_steps == 100);
  CHECK(evaluate("1 step").every_steps == 1);
  CHECK(evaluate("3 epochs").every_epochs == 3);
  CHECK(evaluate("end").every_epochs == 0);
  CHECK(evaluate("end").every_steps == 0);
  CHECK(Good(Job()).evaluate.every_epochs == 1);
}

TEST_CASE("paths are taken from the directory of the job file, unless they are absolute") {
  const JobSpec job = Good(Job({{"a.csv", "../x/./a.csv"}, {"b.csv", "/data/b.csv"}}));
  CHECK(job.train.path == "/x/a.csv");
  CHECK(job.test->path == "/data/b.csv");
}

TEST_CASE("a job of steps has that many, one of epochs rounds each up") {
  CHECK(Good(Job({{"epochs: 2", "steps: 7"}})).TotalSteps(1000) == 7);
  CHECK(Good(Job()).TotalSteps(101) == 22);
  CHECK(Good(Job()).TotalSteps(100) == 20);
}

TEST_CASE(
    "a job without overrides is submitted as it is; an override is what the file might have said") {
  const std::string text = ReadFile(kSource / "configs/jobs/mnist-mlp.yaml");
  CHECK(ApplyOverrides(text, {}).text == text);
  const EffectiveJob job = ApplyOverrides(
      text, {"train.epochs=null", "train.steps=9", "model.layers.0.linear=64", "workers=4"});
  REQUIRE(job.errors.empty());
  const JobSpec spec = Good(job.text);
  CHECK(spec.steps == 9);
  CHECK(spec.epochs == 0);
  CHECK(spec.model.tensors[0].shape == Shape{64, 784});
  CHECK(spec.workers == 4);
  CHECK(spec.train.line == Good(text).train.line);
}

TEST_CASE("an override that does not suit is found where any mistake is") {
  const EffectiveJob job = ApplyOverrides(Job(), {"train.batchsize=64"});
  REQUIRE(job.errors.empty());
  const ParsedJob parsed = ParseJob(job.text, "/jobs");
  REQUIRE(parsed.errors.size() == 1);
  CHECK(parsed.errors[0].path == "train.batchsize");
  CHECK_FALSE(ApplyOverrides(Job(), {"train"}).errors.empty());
}

TEST_CASE("all errors come as one status too, one a line") {
  const absl::StatusOr<JobSpec> job =
      ParseJobOrStatus(Job({{"epochs: 2", "epochs: 0"}, {"10", "ten"}}), "/");
  CHECK(job.status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(job.status().message() ==
        "line 9: train.epochs: found '0'; expected a whole number from 1 to 1000000\n"
        "line 10: train.batch_size: found 'ten'; expected a whole number from 1 to 1000000000");
}

// "# expect: 12 did you mean 'lr'?" at the top of a bad file.
struct Expectation {
  int line;
  std::string part;
};

std::vector<Expectation> Expectations(const std::string& text) {
  std::vector<Expectation> expected;
  std::istringstream lines(text);
  const std::string mark = "# expect: ";
  for (std::string line; std::getline(lines, line) && line.rfind(mark, 0) == 0;) {
    const size_t space = line.find(' ', mark.size());
    REQUIRE(space != std::string::npos);
    Expectation one;
    REQUIRE(absl::SimpleAtoi(line.substr(mark.size(), space - mark.size()), &one.line));
    one.part = line.substr(space + 1);
    expected.push_back(one);
  }
  return expected;
}

TEST_CASE(
    "every mistake of every bad file is reported at its line with its hint, and nothing else is") {
  const std::vector<fs::path> files = YamlFiles(kSource / "tests/bad_files");
  CHECK(files.size() >= 22);
  for (const fs::path& path : files) {
    const std::string text = ReadFile(path);
    const std::vector<Expectation> expected = Expectations(text);
    const std::vector<ConfigError> errors = ParseJob(text, "/jobs").errors;
    std::string found = path.filename().string() + ":\n";
    for (const ConfigError& error : errors) found += ErrorString(error) + "\n";
    INFO(found);
    CHECK_FALSE(expected.empty());
    std::vector<bool> explained(errors.size(), false);
    for (const Expectation& one : expected) {
      bool met = false;
      for (size_t i = 0; i < errors.size(); ++i) {
        const bool suits = errors[i].line == one.line &&
                           ErrorString(errors[i]).find(one.part) != std::string::npos;
        if (suits) met = explained[i] = true;
      }
      INFO("line " << one.line << ": " << one.part);
      CHECK(met);
    }
    CHECK(std::count(explained.begin(), explained.end(), false) == 0);
  }
}

// Flips, cuts and repeats pieces of `text`.
std::string Mutate(std::string text, std::mt19937& random) {
  const auto below = [&random](size_t n) { return n == 0 ? 0 : random() % n; };
  for (size_t i = 0, times = 1 + below(4); i < times && !text.empty(); ++i) {
    const size_t at = below(text.size()), length = 1 + below(40);
    switch (below(4)) {
      case 0:
        text[at] = static_cast<char>(below(256));
        break;
      case 1:
        text[at] = "{}[]:,-#&*!|>'\"%@ \n\t"[below(21)];
        break;
      case 2:
        text.erase(at, length);
        break;
      default:
        text.insert(below(text.size()), text.substr(at, length));
        break;
    }
  }
  return text;
}

TEST_CASE(
    "no bytes whatever make the parser crash, and what it takes it takes again once written anew") {
  const std::string sample =
      ReadFile(kSource / "configs/jobs/mnist-mlp.yaml") +
      "extra: &anchor {a: [1, \"two\", ~], b: 'x'}\nmore: [*anchor, |\n  text\n]\n";
  for (uint32_t seed = 0; seed < 2000; ++seed) {
    std::mt19937 random(seed);
    const std::string text = Mutate(sample, random);
    INFO("seed " << seed << "\n" << text);
    const ParsedJob job = ParseJob(text, "/jobs");
    const EffectiveJob changed = ApplyOverrides(text, {"seed=5"});
    if (!changed.errors.empty()) continue;
    for (const ConfigError& error : ParseJob(changed.text, "/jobs").errors) {
      const bool known =
          std::any_of(job.errors.begin(), job.errors.end(), [&error](const ConfigError& other) {
            return error.message == other.message && error.path == other.path &&
                   error.line == other.line;
          });
      INFO(changed.text);
      INFO(ErrorString(error));
      CHECK(known);
    }
  }
}

}  // namespace
}  // namespace paracord
