// What a shard stores while it trains, and what it goes back to.
#include "server/checkpoints.h"

#include <thread>

#include "tests/server/shard_fixture.h"

namespace paracord {
namespace {

std::shared_ptr<const ShardJob> Every(uint64_t steps) {
  const auto job = MakeJob("job", {6, 4, 3}, Kind::kMomentum, 4);
  JobSpec spec = job->spec;
  spec.checkpoint.every_steps = steps;
  return std::make_shared<const ShardJob>("job", spec);
}

struct Stored : ShardFixture {
  explicit Stored(uint64_t every) {
    job = Every(every);
    Restart();
  }
  void Restart() {
    shard.reset();
    room.Settle();
    shard = room.MakeShard(job, 0, all);
  }
  void PushSteps(uint64_t begin, uint64_t end, uint64_t plan = 1) {
    for (uint64_t step = begin; step < end; ++step) {
      REQUIRE(PushWholeStep(step, plan).ok());
      room.Settle();
    }
  }
  std::string Steps() {
    std::string steps;
    for (const auto& record : room.stored()) absl::StrAppend(&steps, record.step(), " ");
    return steps;
  }
  // What the scheduler publishes when the job goes back to a step that was stored under history 1.
  pb::Plan Back(uint64_t number, uint64_t history, uint64_t step) {
    pb::Plan plan = MakePlan(number);
    plan.set_history(history);
    plan.set_step(step);
    pb::Origin* origin = plan.mutable_origin();
    origin->set_cluster("cluster");
    origin->set_job("job");
    origin->set_history(1);
    origin->set_step(step);
    const auto stored = room.db().Find(MakeRecord(step, all));
    pb::StoredShard* piece = origin->add_pieces();
    piece->set_block_end(all.end);
    piece->set_hash(stored.has_value() ? stored->hash : "");
    return plan;
  }
};

TEST_CASE("the regular steps are stored when all blocks have come to them, the last by its end") {
  Stored f(2);
  f.Adopt(MakePlan(1));
  f.PushSteps(0, 1);
  CHECK(f.Steps() == "0 ");
  REQUIRE(f.Push(1, {0, 4}, {0, 3}).ok());
  f.room.Settle();
  CHECK(f.Steps() == "0 ");
  REQUIRE(f.Push(1, {0, 4}, {3, 4}).ok());
  f.room.Settle();
  CHECK(f.Steps() == "0 2 ");
  f.PushSteps(2, 4);
  CHECK(f.Steps() == "0 2 ");
}

TEST_CASE("evaluated steps are due too if the best of them is wanted") {
  ShardFixture f;
  JobSpec spec = f.job->spec;
  spec.batch_size = 10;
  spec.test = spec.train;
  const bool by_steps = GENERATE(true, false);
  spec.evaluate.every_steps = by_steps ? 6 : 0;
  spec.evaluate.every_epochs = 2;  // of 25 samples: 6 steps
  const uint64_t regular = spec.checkpoint.every_steps = GENERATE(0, 4);
  spec.checkpoint.best = EvaluatedMetric{"test_loss"};
  const ShardJob job("job", spec);
  const ShardEnvironment environment = f.room.environment();
  Checkpoints checkpoints(job, f.all, environment);
  checkpoints.Begin(0, 25);
  for (uint64_t step = 1; step < 40; ++step) {
    CAPTURE(by_steps, regular, step);
    const auto due = checkpoints.TakeDue(step, 40);
    CHECK(due.has_value() == (step % 6 == 0 || (regular > 0 && step % regular == 0)));
    if (due.has_value()) CHECK(*due == step);
  }
}

// A job that wants copies, on a folder that hangs until `go`.
struct Hanging : Stored {
  std::promise<void> go;
  explicit Hanging(uint64_t every) : Stored(every) {
    JobSpec spec = job->spec;
    spec.checkpoint.copy_to = room.folder() + "-copies";
    job = std::make_shared<const ShardJob>("job", spec);
    Restart();
    Adopt(Plan(1));
    room.lanes().Post("copies of job", [held = go.get_future().share()] { held.wait(); });
  }
  pb::Plan Plan(uint64_t number, pb::Plan::Phase phase = pb::Plan::TRAINING, uint64_t step = 0) {
    pb::Plan plan = MakePlan(number, phase, step);
    *plan.add_shards() = MakeRange(0, all);
    return plan;
  }
  void PushSteps(uint64_t begin, uint64_t end) {
    for (uint64_t step = begin; step < end; ++step) {
      REQUIRE(PushWholeStep(step, 1).ok());
      Settle(room.storage());
    }
  }
  std::string Copied() {
    std::string steps;
    const pb::ShardReport report = shard->Report();
    for (const uint64_t step : report.copied_steps()) absl::StrAppend(&steps, step, " ");
    return steps;
  }
};

TEST_CASE("a copy that hangs is told, and holds up its own job's checkpoints for two minutes") {
  Hanging f(1);
  f.PushSteps(0, 2);
  CHECK(f.Steps() == "0 1 ");
  f.room.timer().Advance(seconds(121));
  f.shard->ExpireWaits();  // reports again
  CHECK(f.shard->Report().store_error().find("-copies hangs or is slow") != std::string::npos);
  const uint64_t used = f.room.budget().used();
  f.shard->Adopt(f.Plan(1), 3);
  f.PushSteps(2, 3);
  CHECK(f.Steps() == "0 1 3 ");
  const auto one = static_cast<uint64_t>(17 * 4 * 2);  // floats and momentum
  CHECK(f.room.budget().used() == used + one);
  CHECK(f.shard->Report().bytes() == f.room.budget().used());
  CHECK(f.Copied().empty());
  f.go.set_value();
  f.room.Settle();
  CHECK(f.Copied() == "1 ");
  CHECK(f.shard->Report().store_error().empty());
  CHECK(f.room.budget().used() == used);
}

TEST_CASE("a copy that hangs holds up no other job's, nor the end of its own") {
  Hanging f(2);
  JobSpec spec = f.job->spec;
  const auto other = f.room.MakeShard(std::make_shared<const ShardJob>("other", spec), 0, f.all);
  pb::Plan plan = f.Plan(1);
  plan.set_job("other");
  other->Adopt(plan);
  Settle(f.room.storage());
  for (uint64_t step = 0; step < 3; ++step) {
    const auto header = f.Header(step, {0, 4}, f.all);
    other->Push(header, f.Sums(step, {0, 4}, f.all), [](const auto&) {});
    Settle(f.room.storage());
  }
  const TimePoint until = Clock::now() + seconds(20);
  while (other->Report().copied_steps().empty() && Clock::now() < until) std::this_thread::yield();
  CHECK(other->Report().copied_steps_size() == 1);

  f.PushSteps(0, 4);
  REQUIRE(f.PushWholeStep(4).ok());  // the last metrics
  f.shard->Adopt(f.Plan(2, pb::Plan::FINISHED, kSteps));
  Settle(f.room.storage());
  CHECK(absl::IsFailedPrecondition(f.PushWholeStep(4, 2)));  // it has ended
  CHECK(f.shard->Report().bytes() > 0);                      // but for what the copies hold
  f.go.set_value();
  f.room.Settle();
  CHECK(f.Copied() == "2 4 ");
  CHECK(f.shard->Report().bytes() == 0);
}

TEST_CASE("an older step is gone back to under a newer history, and on with the same bits") {
  Stored f(2);
  f.Adopt(MakePlan(1));
  f.PushSteps(0, 3);
  const bool restarted = GENERATE(true, false);
  if (restarted) f.Restart();
  f.Adopt(f.Back(2, 2, 2));
  CHECK(f.Version(2).value() == 2);
  CHECK(f.Holds(2, f.all, 2));
  CHECK(absl::IsFailedPrecondition(f.PushWholeStep(3, 1)));
  f.PushSteps(2, 4, 2);
  CHECK(f.Holds(4, {0, 3}, 2));
}

TEST_CASE(
    "a stop at the step of a checkpoint keeps the version before, and the checkpoint is as it "
    "was") {
  Stored f(2);
  f.Adopt(MakePlan(1));
  f.PushSteps(0, 2);
  const auto checkpoint = f.room.db().Find(MakeRecord(2, f.all));
  REQUIRE(checkpoint.has_value());
  f.shard->StopAndStore(9, [](const absl::Status&) {});
  f.room.Settle();
  CHECK(f.Steps() == "0 2 2 ");
  CHECK(f.room.stored().back().stopped() == 9);
  CHECK(f.room.db().Verify(checkpoint->record, checkpoint->hash).ok());
  f.Restart();
  f.Adopt(MakePlan(2));
  CHECK(f.Holds(2, f.all, 2));
  CHECK(f.Holds(1, f.all, 2));
  f.PushSteps(2, 4, 2);
  CHECK(f.Holds(4, {0, 3}, 2));
}

TEST_CASE("a pull that waits for a step that is undone ends, and is no answer of the new history") {
  Stored f(2);
  f.Adopt(MakePlan(1));
  f.PushSteps(0, 3);
  const auto waiting = f.Pull(4, {0, 1});
  f.Adopt(f.Back(2, 2, 2));
  CHECK(CodeOf(waiting) == absl::StatusCode::kCancelled);
}

TEST_CASE("what cannot be read is named, and an older step can be gone back to after that") {
  Stored f(1);
  f.Adopt(MakePlan(1));
  f.PushSteps(0, 3);
  pb::Plan plan = f.Back(2, 2, 2);
  plan.mutable_origin()->mutable_pieces(0)->set_hash("another");
  f.Adopt(plan);
  const pb::ShardReport report = f.shard->Report();
  CHECK(report.error_code() == "DataLoss");
  CHECK(report.unreadable_history() == 1);
  CHECK(report.unreadable_step() == 2);
  f.Adopt(f.Back(3, 3, 1));
  CHECK(f.shard->Report().error_code().empty());
  CHECK(f.Version(3).value() == 1);
  CHECK(f.Holds(1, f.all, 3));
}

TEST_CASE("a shard that has ended its job takes it up again under a newer history") {
  Stored f(2);
  f.Adopt(MakePlan(1));
  f.PushSteps(0, 5);
  f.Adopt(MakePlan(2, pb::Plan::FINISHED, kSteps));
  f.room.Settle();
  CHECK(f.shard->Report().bytes() == 0);
  f.Adopt(f.Back(3, 2, 2));
  CHECK(f.shard->Report().bytes() > 0);
  CHECK(f.Holds(2, f.all, 3));
}

TEST_CASE("a step that was asked for is stored, and one that has passed is said to be missed") {
  Stored f(0);
  f.Adopt(MakePlan(1));
  f.PushSteps(0, 1);
  f.shard->Adopt(MakePlan(1), 3);
  f.PushSteps(1, 4);
  CHECK(f.Steps() == "0 3 ");
  f.shard->Adopt(MakePlan(1), 2);
  f.shard->ExpireWaits();  // reports again
  CHECK(f.shard->Report().missed() == 2);
  CHECK(f.Steps() == "0 3 ");
}

TEST_CASE(
    "a checkpoint that is due while another is on its way is left out, and every second then") {
  Stored f(1);
  f.Adopt(MakePlan(1));
  f.PushSteps(0, 1);
  std::promise<void> go;
  f.room.Hold(go.get_future());
  for (uint64_t step = 1; step < 3; ++step) REQUIRE(f.PushWholeStep(step).ok());
  go.set_value();
  f.room.Settle();
  CHECK(f.Steps() == "0 1 2 ");
}

TEST_CASE("one write that takes long does not thin the checkpoints for long") {
  ShardFixture f;
  const auto job = Every(1);
  const ShardEnvironment environment = f.room.environment();
  Checkpoints checkpoints(*job, f.all, environment);
  BlockStore store(job->grid, f.all, job->spec.optimizer, job->spec.virtual_workers);
  store.Initialize(1);
  Tally tally(*job, f.all);
  const pb::Plan plan = MakePlan(1);
  std::string begun;
  uint64_t step = 0;
  checkpoints.Begin(0, 0);
  // So many steps; what is due is written, and has been by the next one if `in_time`.
  const auto train = [&](uint64_t steps, bool in_time, const absl::Status& result) {
    for (const uint64_t end = step + steps; step < end;) {
      const auto due = checkpoints.TakeDue(++step, 1000);
      if (!due.has_value()) continue;
      absl::StrAppend(&begun, *due, " ");
      checkpoints.Write({plan, *due, 0, store, tally, nullptr, nullptr}, [](const auto&) {}, {});
      if (in_time) checkpoints.Written(result);
    }
  };
  train(20, false, absl::OkStatus());
  CHECK(begun == "1 ");
  checkpoints.Written(absl::OkStatus());
  begun.clear();
  train(16, true, absl::UnavailableError("no room"));
  CHECK(begun == "22 24 26 28 30 32 34 36 ");  // every second one; none of these counts
  begun.clear();
  train(20, true, absl::OkStatus());
  CHECK(begun == "38 40 42 44 46 48 50 52 54 55 56 ");
  f.room.Settle();
}

TEST_CASE("steps that may be the best wait for a disk that hangs in a quarter of the memory") {
  JobSpec spec = MakeJob("job", {6, 4, 3}, Kind::kMomentum, 4)->spec;
  spec.test = spec.train;
  spec.evaluate.every_steps = 1;
  spec.checkpoint.every_steps = 0;
  spec.checkpoint.best = EvaluatedMetric{"test_loss"};
  const ShardJob job("job", spec);
  const BlockRange all{0, job.grid.blocks()};
  const uint64_t one = job.grid.Floats(all) * sizeof(float) * 2;  // and momentum
  ShardRoom room(one * 40);
  const ShardEnvironment environment = room.environment();
  BlockStore store(job.grid, all, spec.optimizer, spec.virtual_workers);
  store.Initialize(1);
  Tally tally(job, all);
  Checkpoints checkpoints(job, all, environment);
  const pb::Plan plan = MakePlan(1);
  int begun = 0;
  checkpoints.Begin(0, 25);
  for (uint64_t step = 1; step < 30; ++step) {
    const auto due = checkpoints.TakeDue(step, 1000);
    if (!due.has_value()) continue;
    checkpoints.Write({plan, *due, 0, store, tally, nullptr, nullptr}, [](const auto&) {}, {});
    ++begun;
  }
  CHECK(begun == 11);  // the first needs no more than training does
  CHECK(room.budget().used() == 10 * one);
  while (begun-- > 0) checkpoints.Written(absl::OkStatus());
  CHECK(room.budget().used() == 0);
  CHECK(checkpoints.TakeDue(30, 1000) == 30);
  room.Settle();
}

}  // namespace
}  // namespace paracord
