// on_nonfinite: skip_step, as a task sees it.
#include <atomic>
#include <cmath>
#include <fstream>

#include "common/base/status.h"
#include "tests/support/temporary_directory.h"
#include "tests/worker/client_fixture.h"
#include "worker/nonfinite.h"
#include "worker/tensor/device.h"
#include "worker/trainer.h"

namespace paracord {
namespace {

struct Outcome {
  absl::Status status;               // of the task: Cancelled, if nothing else ended it
  std::map<uint64_t, float> first;   // pushed, by block: its first float
  std::map<uint64_t, bool> all_nan;  // by block
  std::vector<float> metrics;        // pushed
  std::vector<std::string> skips;    // told
  size_t blocks = 0;                 // of the model
};

// A task that trains on the row x, 1: three layers, of which the first is the last to have its
// gradient, and whose blocks travel in several runs. Its only server, played by the test, holds
// weights of 1, the first layer's weight `first`; the task ends when all of step 0 is pushed.
Outcome TrainOn(const std::string& x, float first, const std::string& on_nonfinite) {
  const TemporaryDirectory directory;
  std::ofstream(directory.path() + "/train.csv") << "x,y\n" << x << ",1\n" << x << ",1\n";
  const JobSpec spec = ParseJobOrStatus(R"(name: small
model: {input: [1], layers: [{linear: 400}, {linear: 400}, {linear: 1}], loss: mse}
data: {train: {format: csv, path: train.csv, label: y}}
train: {steps: 2, batch_size: 2, virtual_workers: 1, optimizer: {kind: sgd, lr: 0.1}}
on_nonfinite: )" + on_nonfinite + "\n",
                                        directory.path())
                           .value();
  const BlockGrid grid = GridOf(spec);
  const auto device = OpenDevice(spec.device).value();
  const auto model = Model::Build(spec.model, *device).value();
  CHECK(RunsOf(grid, model->BackwardParts()).size() > 1);
  const auto train = OpenDataset(spec.train, "").value();
  const auto server = std::make_shared<Script>();
  server->on_query = [](const pb::QueryRequest&) { return uint64_t{0}; };
  ManualTimer timer;
  PlanBox plans;
  Outcome out;
  out.blocks = grid.blocks() - 1;
  ParameterClient client(
      grid, timer, [&](const pb::ShardRange&) { return std::make_shared<ScriptedShard>(server); });
  Trainer trainer({spec, grid, *model, *train, nullptr, client, plans, 1,
                   [&](uint64_t, const std::string& why) { out.skips.push_back(why); }},
                  0, 5, [](const Progress&) {});
  plans.Put(OneTaskAlone(grid.blocks(), 5));
  std::future<absl::Status> run = std::async(std::launch::async, [&] { return trainer.Run(); });
  const auto take = [&](const ShardCall& call) {
    Payload::Cutter cutter(call.floats);
    for (uint64_t b = call.blocks().begin; b < call.blocks().end; ++b) {
      const std::vector<float> floats = FloatsOf(cutter.Next(grid.block(b).floats * sizeof(float)));
      if (grid.kind(b) == TensorKind::kSum) {
        out.metrics = floats;
        continue;
      }
      out.first[b] = floats[0];
      out.all_nan[b] =
          std::all_of(floats.begin(), floats.end(), [](float f) { return std::isnan(f); });
    }
  };
  const auto answer = [&](const ShardCall& call) {
    std::vector<float> weights(grid.Floats(call.blocks()), 1.0f);
    if (call.blocks().begin == 0) std::fill_n(weights.begin(), 400, first);
    call.done(OwnedFloats(weights));
  };
  const auto play = [&] {
    std::vector<ShardCall> calls;
    {
      MutexLock lock(server->mutex);
      calls.swap(server->calls);
    }
    for (const ShardCall& call : calls) call.push ? take(call) : answer(call);
  };
  const auto serve = [&] {
    play();
    return (out.first.size() == out.blocks && !out.metrics.empty()) ||
           run.wait_for(Duration::zero()) == std::future_status::ready;
  };
  CHECK(ClientFixture::Eventually(serve));
  plans.Stop();
  client.Stop();
  out.status = run.get();
  play();  // what was pushed until it ended
  return out;
}

void CheckSkipped(const Outcome& out, const std::string& why) {
  CHECK(absl::IsCancelled(out.status));
  REQUIRE(out.all_nan.size() == out.blocks);
  for (const auto& [block, all_nan] : out.all_nan) {
    CAPTURE(block);
    CHECK(all_nan);
  }
  REQUIRE_FALSE(out.metrics.empty());
  for (const float value : out.metrics) CHECK(std::isfinite(value));
  CHECK(out.metrics.front() == 0);
  CHECK(out.metrics.back() == 1);
  REQUIRE(out.skips.size() == 1);
  INFO(out.skips[0]);
  CHECK(out.skips[0].find(why) == 0);
  CHECK(out.skips[0].find("virtual worker 0") != std::string::npos);
  CHECK(out.skips[0].find("2 samples of the training data: ") != std::string::npos);
}

TEST_CASE("a gradient that is not finite fails the job when others have left already") {
  const Outcome out = TrainOn("3e38", 0, "fail");
  CHECK(FailureCode(out.status) == kNonFinite);
  INFO(out.status.message());
  CHECK(out.status.message().find("the gradient of tensor 0.weight is inf") == 0);
  CHECK(out.first.size() > 0);
  CHECK(out.first.size() < out.blocks);
}

TEST_CASE(
    "of a slice whose last gradient is not finite nothing leaves but poison, for all blocks") {
  CheckSkipped(TrainOn("3e38", 0, "skip_step"), "the gradient of tensor 0.weight is inf");
}

TEST_CASE("of a slice whose loss is not finite only poison leaves, and a loss of zero") {
  CheckSkipped(TrainOn("1e30", 1, "skip_step"), "the loss is inf at step 0");
}

TEST_CASE("what is finite leaves as it is, though the job may skip steps") {
  const Outcome out = TrainOn("2", 1, "skip_step");
  CHECK(absl::IsCancelled(out.status));
  CHECK(out.first.size() == out.blocks);
  for (const auto& [block, value] : out.first) CHECK(std::isfinite(value));
  CHECK(out.metrics.front() > 0);
  CHECK(out.metrics.back() == 0);
  CHECK(out.skips.empty());
}

TEST_CASE("weights that are not finite end the job: no step would ever count again") {
  const Outcome out = TrainOn("2", std::numeric_limits<float>::infinity(), "skip_step");
  CHECK(FailureCode(out.status) == kNonFinite);
  INFO(out.status.message());
  CHECK(out.status.message().find("of the weights, tensor 0.weight is inf at its float 0") == 0);
  CHECK(out.first.empty());
  CHECK(out.skips.empty());
}

}  // namespace
}  // namespace paracord
