#include <future>

#include "tests/server/shard_fixture.h"

namespace paracord {
namespace {

TEST_CASE("a new job's step 0 is stored at once") {
  ShardFixture f;
  f.room.Settle();
  const auto stored = f.room.stored();
  REQUIRE(stored.size() == 1);
  CHECK(stored[0].step() == 0);
  CHECK(stored[0].history() == 1);
  const auto blocks = f.room.db().Read(MakeRecord(0, {0, 1}));
  REQUIRE(blocks.ok());
  CHECK(SameBits(ToFloats(*blocks), f.truth.At(0, 0)));
}

TEST_CASE("FINISHED stores the last step, frees the budget and ends what waits") {
  ShardFixture f;
  CHECK(f.room.budget().used() > 0);
  for (uint64_t step = 0; step <= kSteps; ++step) REQUIRE(f.PushWholeStep(step).ok());
  const auto parked = f.Pull(kSteps + 1, f.all, 0, 1);
  f.Adopt(MakePlan(2, pb::Plan::FINISHED, kSteps));
  f.room.Settle();
  CHECK(f.room.stored().back().step() == kSteps);
  CHECK(f.room.budget().used() == 0);
  CHECK(f.shard->Report().bytes() == 0);
  CHECK(CodeOf(parked) == absl::StatusCode::kOutOfRange);
  CHECK(absl::IsFailedPrecondition(f.PushWholeStep(kSteps, 2)));
  for (uint64_t b = 0; b < f.all.end; ++b) {
    const auto weights = f.room.db().Read(MakeRecord(kSteps, {b, b + 1}));
    REQUIRE(weights.ok());
    CHECK(SameBits(ToFloats(*weights), f.truth.At(kSteps, b)));
  }
}

TEST_CASE("a shard of metrics alone finishes too, though it is one version further") {
  ShardFixture f;
  f.shard = f.room.MakeShard(f.job, 1, {3, 4});
  f.Adopt(MakePlan(1));
  for (uint64_t step = 0; step <= kSteps; ++step) REQUIRE(f.Push(step, {0, 4}, {3, 4}).ok());
  f.Adopt(MakePlan(2, pb::Plan::FINISHED, kSteps));
  f.room.Settle();
  CHECK(f.shard->Report().error() == "");
  const auto weights = f.room.db().Read(MakeRecord(kSteps, {3, 4}));
  REQUIRE(weights.ok());
  CHECK(SameBits(ToFloats(*weights), f.truth.At(kSteps, 3)));
}

TEST_CASE("FINISHED at a step that the shard does not have is DataLoss, and is reported") {
  ShardFixture f;
  REQUIRE(f.PushWholeStep(0).ok());
  f.Adopt(MakePlan(2, pb::Plan::FINISHED, kSteps));
  CHECK(f.shard->Report().error_code() == "DataLoss");
  CHECK(absl::IsDataLoss(f.PushWholeStep(1, 2)));
}

TEST_CASE("CLOSED frees the budget, stores nothing and ends what waits") {
  ShardFixture f;
  REQUIRE(f.PushWholeStep(0).ok());
  const auto parked = f.Pull(2, f.all);
  f.Adopt(MakePlan(2, pb::Plan::CLOSED));
  CHECK(parked->has_value());
  CHECK(f.room.budget().used() == 0);
  CHECK(f.room.stored().size() == 1);  // step 0
  CHECK(absl::IsFailedPrecondition(f.Version(2).status()));
}

TEST_CASE("a shard that stopped in order and came back goes on with the bits of one that did not") {
  for (uint64_t stop_at = 0; stop_at < kSteps; ++stop_at) {
    INFO("stopped at step " << stop_at);
    ShardFixture f;
    for (uint64_t step = 0; step < stop_at; ++step) REQUIRE(f.PushWholeStep(step).ok());
    REQUIRE(f.Push(stop_at, {0, 4}, {0, 2}).ok());  // two blocks are ahead
    REQUIRE(f.Push(stop_at, {0, 2}, {2, 3}).ok());  // one is half there
    const auto parked = f.Pull(stop_at + 1, f.all);
    std::optional<absl::Status> stored;
    f.shard->StopAndStore(1, [&stored](const absl::Status& status) { stored = status; });
    f.room.Settle();
    REQUIRE(stored.has_value());
    REQUIRE(stored->ok());
    CHECK(CodeOf(parked) == absl::StatusCode::kUnavailable);
    CHECK(absl::IsUnavailable(f.PushWholeStep(stop_at)));
    f.Start(2);
    CHECK(f.Version(2).value() == stop_at);
    CHECK(f.Holds(stop_at, f.all, 2));
    for (uint64_t step = stop_at; step < kSteps; ++step) {
      REQUIRE(f.PushWholeStep(step, 2).ok());
      CHECK(f.Holds(step + 1, f.all, 2));
    }
  }
}

TEST_CASE("the version before comes back with a shard that stopped in order") {
  ShardFixture f;
  REQUIRE(f.PushWholeStep(0).ok());
  f.shard->StopAndStore(1, [](const absl::Status&) {});
  f.room.Settle();
  f.Start(2);
  CHECK(f.Holds(1, f.all, 2));
  CHECK(f.Holds(0, f.all, 2));
}

// Asked to stop before its blocks are there; they come with `go`.
struct StoppedWhileLoading : ShardFixture {
  std::promise<void> go;
  std::promise<absl::Status> stored;
  StoppedWhileLoading() {
    shard = room.MakeShard(job, 1, {1, 4});
    room.Hold(go.get_future());
    shard->Adopt(MakePlan(1));
    shard->StopAndStore(1, [this](const absl::Status& status) { stored.set_value(status); });
  }
};

TEST_CASE("a shard that is stopped while it loads writes what it has loaded") {
  StoppedWhileLoading f;
  f.go.set_value();
  CHECK(f.stored.get_future().get().ok());
  f.room.Settle();
  CHECK(f.room.db().Read(MakeRecord(0, {1, 4})).ok());
}

TEST_CASE("a stop while a shard loads is answered too when the job is closed meanwhile") {
  StoppedWhileLoading f;
  f.shard->Adopt(MakePlan(2, pb::Plan::CLOSED));
  f.go.set_value();
  CHECK(f.stored.get_future().get().ok());
}

TEST_CASE("a shard that waits for another server holds up no other's checkpoint, and no stop") {
  ShardFixture f;
  std::promise<void> go;
  ShardEnvironment environment = f.room.environment();
  environment.connect = [held = go.get_future().share()](const std::string&) {
    held.wait();
    return std::make_unique<AwayShard>();
  };
  const auto loading = ParameterShard::Create(f.job, MakeRange(1, {1, 4}), environment);
  pb::Plan plan = MakePlan(1);
  plan.set_history(2);
  SetHistory(MakePlan(1), plan.mutable_origin());
  pb::StoredShard* piece = plan.mutable_origin()->add_pieces();
  piece->set_block_end(4);
  piece->set_hash("another");
  piece->set_address("silent");
  loading->Adopt(plan);
  REQUIRE(f.PushWholeStep(0).ok());
  for (const auto& shard : {f.shard, loading}) {
    std::promise<absl::Status> stored;
    auto answer = stored.get_future();
    shard->StopAndStore(1, [&stored](const absl::Status& status) { stored.set_value(status); });
    const bool answered = answer.wait_for(seconds(20)) == std::future_status::ready;
    CHECK(answered);
    if (shard == loading) go.set_value();
    CHECK(answer.get().ok());
  }
  CHECK(f.room.stored().back().step() == 1);
}

TEST_CASE("a shard of metrics alone is stopped as of the job's last step") {
  ShardFixture f;
  f.shard = f.room.MakeShard(f.job, 1, {3, 4});
  f.Adopt(MakePlan(1));
  for (uint64_t step = 0; step <= kSteps; ++step) REQUIRE(f.Push(step, {0, 4}, {3, 4}).ok());
  f.shard->StopAndStore(1, [](const absl::Status&) {});
  f.room.Settle();
  CHECK(f.room.stored().back().step() == kSteps);
  f.shard->ExpireWaits();  // reports anew
  CHECK(f.shard->Report().version() == kSteps);
}

TEST_CASE("what another cluster's job of the same name has stored is not ours") {
  ShardFixture f;
  REQUIRE(f.PushWholeStep(0).ok());
  f.Adopt(MakePlan(2, pb::Plan::FINISHED, 1));
  REQUIRE(f.room.stored().back().step() == 1);
  f.shard = f.room.MakeShard(f.job, 0, f.all);
  pb::Plan plan = MakePlan(1);
  plan.set_cluster("another");
  f.Adopt(plan);
  CHECK(f.Version().value() == 0);
  REQUIRE(f.PushWholeStep(0).ok());
  plan.set_number(2);
  plan.set_phase(pb::Plan::FINISHED);
  plan.set_step(1);
  f.Adopt(plan);
  CHECK(f.room.stored().back().cluster() == "another");
  CHECK(f.room.db().List().size() == 4);
}

TEST_CASE("stopping a shard that has nothing to write is OK at once") {
  ShardFixture f;
  const auto loading = f.room.MakeShard(f.job, 1, f.all);
  std::optional<absl::Status> stored;
  loading->StopAndStore(1, [&stored](const absl::Status& status) { stored = status; });
  REQUIRE(stored.has_value());
  CHECK(stored->ok());
}

TEST_CASE("a budget that is too small shows in the report, with the sum, and every call says so") {
  ShardFixture f(100);
  const pb::ShardReport report = f.shard->Report();
  CHECK(report.error_code() == "ResourceExhausted");
  CHECK(report.error().find(std::to_string(17 * 4 * 5) + " bytes") != std::string::npos);
  CHECK(report.error().find("100 bytes") != std::string::npos);
  CHECK(report.bytes() == 0);
  CHECK(absl::IsResourceExhausted(f.PushWholeStep(0)));
  CHECK(f.room.budget().used() == 0);
}

TEST_CASE("blocks outside the model's grid are refused in the report, not followed") {
  ShardFixture f;
  for (const BlockRange range : {BlockRange{2, 9}, {3, 1}}) {
    const auto shard = f.room.MakeShard(f.job, 1, range);
    CHECK(shard->Report().error_code() == "InvalidArgument");
    shard->Adopt(MakePlan(1));
    f.room.Settle();
  }
}

TEST_CASE("a shard that goes answers what is parked, and gives its memory back") {
  ShardFixture f;
  const auto parked = f.Pull(1, f.all);
  f.shard = nullptr;
  f.room.Settle();
  CHECK(CodeOf(parked) == absl::StatusCode::kCancelled);
  CHECK(f.room.budget().used() == 0);
}

TEST_CASE("the last reference to a shard may go inside one of its own answers") {
  ShardFixture f;
  f.room.Settle();
  bool answered = false;
  pb::QueryRequest request;
  request.set_plan(1);
  ParameterShard* shard = f.shard.get();
  shard->Query(request, [&](const absl::StatusOr<pb::QueryReply>& reply) {
    answered = reply.ok();
    f.shard = nullptr;
  });
  CHECK(answered);
  CHECK(f.room.budget().used() == 0);
}

TEST_CASE("what a pull handed out stays as it is when the shard has gone on, and is gone itself") {
  ShardFixture f;
  const auto answer = f.Pull(0, f.all);
  REQUIRE(CodeOf(answer) == absl::StatusCode::kOk);
  const std::vector<float> before = ToFloats(***answer);
  for (uint64_t step = 0; step < kSteps; ++step) REQUIRE(f.PushWholeStep(step).ok());
  CHECK(SameBits(ToFloats(***answer), before));
  f.shard = nullptr;
  CHECK(SameBits(ToFloats(***answer), before));
}

}  // namespace
}  // namespace paracord
