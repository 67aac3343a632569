#include "worker/nonfinite.h"

#include <atomic>
#include <fstream>
#include <limits>

#include "common/base/status.h"
#include "tests/support/temporary_directory.h"
#include "tests/worker/client_fixture.h"
#include "worker/tensor/device.h"
#include "worker/trainer.h"

namespace paracord {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A task that trains y = w x + b on one row repeated, or another; its only server, played by the
// test, holds weights of 1 and answers every pull.
absl::Status TrainOn(const std::string& row, int* pushes) {
  const TemporaryDirectory directory;
  std::ofstream(directory.path() + "/train.csv") << "x,y\n1,1\n1,1\n" << row << "\n1,1\n";
  const JobSpec spec = ParseJobOrStatus(R"(name: small
model: {input: [1], layers: [{linear: 1}], loss: mse}
data: {train: {format: csv, path: train.csv, label: y}}
train: {steps: 2, batch_size: 4, virtual_workers: 1, optimizer: {kind: sgd, lr: 0.1}}
)",
                                        directory.path())
                           .value();
  const BlockGrid grid = GridOf(spec);
  const auto device = OpenDevice(spec.device).value();
  const auto model = Model::Build(spec.model, *device).value();
  const auto train = OpenDataset(spec.train, "").value();
  const auto server = std::make_shared<Script>();
  server->on_query = [](const pb::QueryRequest&) { return uint64_t{0}; };
  ManualTimer timer;
  PlanBox plans;
  ParameterClient client(
      grid, timer, [&](const pb::ShardRange&) { return std::make_shared<ScriptedShard>(server); });
  Trainer trainer({spec, grid, *model, *train, nullptr, client, plans, 1}, 0, 5,
                  [](const Progress&) {});
  plans.Put(OneTaskAlone(grid.blocks(), 5));
  std::future<absl::Status> run = std::async(std::launch::async, [&] { return trainer.Run(); });
  *pushes = 0;
  const auto serve = [&] {
    std::vector<ShardCall> calls;
    {
      MutexLock lock(server->mutex);
      calls.swap(server->calls);
    }
    for (const ShardCall& call : calls) {
      if (call.push) ++*pushes;
      if (!call.push) call.done(OwnedFloats(std::vector<float>(grid.Floats(call.blocks()), 1.0f)));
    }
    return *pushes > 0 || run.wait_for(Duration::zero()) == std::future_status::ready;
  };
  CHECK(ClientFixture::Eventually(serve));
  plans.Stop();
  client.Stop();
  return run.get();
}

TEST_CASE("a loss that is not finite ends the task before anything is pushed, and is named first") {
  int pushes = 0;
  const absl::Status status = TrainOn("1e30,1", &pushes);
  CHECK(pushes == 0);
  CHECK(FailureCode(status) == kNonFinite);
  const std::string message(status.message());
  INFO(message);
  CHECK(message.find("the loss is inf at step 0, epoch 0, virtual worker 0;") == 0);
  CHECK(message.find("its slice has 4 samples of the training data: ") != std::string::npos);
}

TEST_CASE("a gradient that is not finite ends the task before it is pushed, though the loss is") {
  int pushes = 0;
  const absl::Status status = TrainOn("1e24,9.999994e23", &pushes);  // off by 6e17
  CHECK(pushes == 0);
  CHECK(FailureCode(status) == kNonFinite);
  INFO(Describe(status));
  CHECK(std::string(status.message()).find("0.weight") != std::string::npos);
}

TEST_CASE("numbers that are finite, however large, are trained on") {
  int pushes = 0;
  CHECK(absl::IsCancelled(TrainOn("1e9,1", &pushes)));
  CHECK(pushes > 0);
}

TEST_CASE("at most sixteen samples of a slice are named, and how many there are") {
  const Sampler sampler(3, 1000, 100, 4);
  const std::string message(NonFiniteError("the loss is nan", sampler, 12, 2).message());
  INFO(message);
  CHECK(message.find("the loss is nan at step 12, epoch 1, virtual worker 2; ") == 0);
  CHECK(message.find("25 samples") != std::string::npos);
  CHECK(message.substr(message.size() - 5) == ", ...");
  CHECK(std::count(message.begin() + static_cast<int64_t>(message.find("data: ")), message.end(),
                   ',') == 16);
}

TEST_CASE("the first float that is not finite is told by its tensor and its place there") {
  std::vector<TensorSpec> tensors(3);
  tensors[0] = {"0.weight", {2, 3}, TensorKind::kTrained, {}};
  tensors[1] = {"0.bias", {2}, TensorKind::kTrained, {}};
  tensors[2] = {"metrics", {4}, TensorKind::kSum, {}};
  const BlockGrid grid(tensors);
  std::vector<float> gradients(8, 1.0f);
  CHECK(FirstNonFinite(grid, {0, 8}, gradients.data()).empty());
  gradients[7] = -kInfinity;
  CHECK(FirstNonFinite(grid, {0, 8}, gradients.data()) == "tensor 0.bias is -inf at its float 1");
  CHECK(FirstNonFinite(grid, {0, 6}, gradients.data()).empty());
  gradients[5] = kInfinity - kInfinity;
  CHECK(FirstNonFinite(grid, {0, 8}, gradients.data()) == "tensor 0.weight is nan at its float 5");
}

}  // namespace
}  // namespace paracord
