#include "worker/trainer.h"

#include <atomic>
#include <random>

#include "tests/worker/client_fixture.h"
#include "worker/tensor/device.h"

namespace paracord {
namespace {

constexpr uint64_t kIncarnation = 5;

// The one task of a small job; its only server is played by the test.
struct TrainerFixture {
  const JobSpec spec = ParseJobOrStatus(R"(name: small
model:
  input: [3]
  layers: [{linear: 2}]
  loss: softmax_cross_entropy
data:
  train: {format: synthetic, samples: 9, features: 3, classes: 2, seed: 1}
train:
  steps: 2
  batch_size: 4
  virtual_workers: 2
  optimizer: {kind: sgd, lr: 0.1}
)",
                                        "/")
                           .value();
  const BlockGrid grid = GridOf(spec);
  const std::unique_ptr<Device> device = OpenDevice(spec.device).value();
  const std::unique_ptr<Model> model = Model::Build(spec.model, *device).value();
  const std::shared_ptr<const Dataset> train = OpenDataset(spec.train, "").value();
  const std::shared_ptr<Script> server = std::make_shared<Script>();
  ManualTimer timer;
  PlanBox plans;
  ParameterClient client{grid, timer, [this](const pb::ShardRange&) {
                           return std::make_shared<ScriptedShard>(server);
                         }};
  Trainer trainer{{spec, grid, *model, *train, nullptr, client, plans, 1},
                  0,
                  kIncarnation,
                  [](const Progress&) {}};

  TrainerFixture() {
    plans.SetListener([this] { client.Interrupt(); });
  }
  ~TrainerFixture() { plans.SetListener(nullptr); }

  // Plan `number`: it names the task, or nobody.
  void Put(uint64_t number, bool with_task) {
    pb::Assignment assignment;
    pb::Plan& plan = *assignment.mutable_plan();
    plan.set_number(number);
    plan.add_shards()->set_block_end(grid.blocks());
    if (with_task) {
      pb::TaskSlot& task = *plan.add_tasks();
      task.set_incarnation(kIncarnation);
      task.set_end(spec.virtual_workers);
    }
    plans.Put(assignment);
  }
  void Stop() {
    plans.Stop();
    client.Stop();
  }
  std::future<absl::Status> Start() {
    return std::async(std::launch::async, [this] { return trainer.Run(); });
  }
  bool Ends(const std::future<absl::Status>& run) {
    const bool ended = run.wait_for(seconds(20)) == std::future_status::ready;
    if (!ended) Stop();
    return ended;
  }
};

TEST_CASE(
    "a task whose version stays gone asks less and less often, says why, and can be stopped") {
  TrainerFixture f;
  std::atomic<int> asked{0};
  std::atomic<TimePoint> first{TimePoint()}, fifth{TimePoint()};
  f.server->on_query = [&](const pb::QueryRequest&) {
    const int times = ++asked;
    if (times == 1) first = Clock::now();
    if (times == 5) fifth = Clock::now();
    return absl::OutOfRangeError("version 7 is gone");
  };
  f.Put(1, true);
  std::future<absl::Status> run = f.Start();
  CHECK(ClientFixture::Eventually([&] { return asked > 1; }));
  CHECK(ClientFixture::Eventually([&] {
    const auto wait = f.client.CurrentWait();
    return wait && wait->what() == "version 7 is gone";
  }));
  CHECK(ClientFixture::Eventually([&] { return fifth.load() != TimePoint(); }));
  CHECK(fifth.load() - first.load() >= milliseconds(300));  // after 0, 20, 60, 140, 300 ms, ...
  f.Stop();
  REQUIRE(f.Ends(run));
  CHECK(absl::IsCancelled(run.get()));
}

TEST_CASE(
    "a newer plan that comes at any moment is followed, though the old one's server is gone") {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    TrainerFixture f;
    std::atomic<bool> replaced{false};
    f.server->on_query = [&](const pb::QueryRequest&) -> absl::Status {
      if (replaced) return absl::UnavailableError("nobody there");
      return absl::OutOfRangeError("version 7 is gone");
    };
    f.Put(1, true);
    std::future<absl::Status> run = f.Start();
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 500));
    replaced = true;
    f.Put(2, false);
    REQUIRE(f.Ends(run));
    CHECK(std::string(run.get().message()) == "plan 2 does not name this task");
  }
}

}  // namespace
}  // namespace paracord
