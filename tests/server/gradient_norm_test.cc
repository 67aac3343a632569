// The norm over all shards: one number, whoever asks, how often, and in which order.
#include "server/gradient_norm.h"

#include <cmath>

#include "tests/server/shard_fixture.h"

namespace paracord {
namespace {

// Blocks 0 and 1 are trained and at server a and b, 2 and 3 are not; the first shard is a's.
struct Norms : ShardRoom {
  std::shared_ptr<const ShardJob> job = MakeJob("job", {6, 4, 3}, Kind::kSgd, 4);
  GradientNorm first{*job, {0, 1}, 0, environment()};

  static pb::NormRequest Part(uint64_t step, BlockRange blocks, std::vector<double> squares) {
    pb::NormRequest request;
    request.set_step(step);
    request.set_block_begin(blocks.begin);
    request.set_block_end(blocks.end);
    for (const double square : squares) request.add_squares(square);
    return request;
  }
  // What was answered, once it was.
  std::shared_ptr<absl::StatusOr<double>> Take(const pb::NormRequest& request) {
    auto answer = std::make_shared<absl::StatusOr<double>>(absl::UnknownError("no answer"));
    first.Take(request, [answer](const absl::StatusOr<pb::NormReply>& reply) {
      if (reply.ok()) {
        *answer = reply->squares();
      } else {
        *answer = reply.status();
      }
    });
    return answer;
  }
};

TEST_CASE("who comes first waits for the others, and all are told the same sum") {
  Norms norms;
  const auto late = norms.Take(Norms::Part(5, {1, 4}, {0.25}));
  CHECK(absl::IsUnknown(late->status()));
  const auto own = norms.Take(Norms::Part(5, {0, 1}, {4}));
  CHECK(**late == 4.25);
  CHECK(**own == 4.25);
  CHECK(norms.first.told()->step == 5);
  CHECK(**norms.Take(Norms::Part(5, {1, 4}, {0.25})) == 4.25);  // its answer was lost
  CHECK(absl::IsOutOfRange(norms.Take(Norms::Part(4, {1, 4}, {0.25}))->status()));
}

TEST_CASE("what was told outlives the first shard's process; what waits is told that it ends") {
  Norms norms;
  norms.first.Restore({5, 4.25});
  CHECK(**norms.Take(Norms::Part(5, {1, 4}, {0.25})) == 4.25);
  const auto next = [&] {
    Norms ends;
    return ends.Take(Norms::Part(6, {1, 4}, {0.25}));
  }();
  CHECK(absl::IsUnavailable(next->status()));
}

TEST_CASE("a part that is asked again replaces the one before, and nothing waits for old steps") {
  Norms norms;
  const auto before = norms.Take(Norms::Part(5, {1, 4}, {0.25}));
  const auto again = norms.Take(Norms::Part(5, {1, 4}, {0.25}));
  CHECK(absl::IsUnavailable(before->status()));
  CHECK(absl::IsUnknown(again->status()));
  const auto newer = norms.Take(Norms::Part(6, {1, 4}, {1}));
  CHECK(absl::IsOutOfRange(again->status()));
  norms.Take(Norms::Part(6, {0, 1}, {1}));
  CHECK(**newer == 2);
}

TEST_CASE(
    "who waits too long for the others is told so after 10 s, and counts again when it asks") {
  Norms norms;
  const auto early = norms.Take(Norms::Part(5, {1, 4}, {0.25}));
  norms.timer().Advance(seconds(9));
  norms.first.Expire();
  CHECK(absl::IsUnknown(early->status()));
  norms.timer().Advance(seconds(1));
  norms.first.Expire();
  CHECK(absl::IsDeadlineExceeded(early->status()));
  const auto own = norms.Take(Norms::Part(5, {0, 1}, {4}));
  CHECK(absl::IsUnknown(own->status()));
  CHECK(**norms.Take(Norms::Part(5, {1, 4}, {0.25})) == 4.25);
  CHECK(**own == 4.25);
}

TEST_CASE("a shard asks a first shard that is away less and less often, up to once a second") {
  ShardFixture f;
  JobSpec spec = f.job->spec;
  spec.clip_norm = 1;
  AwayShard* away = nullptr;
  ShardEnvironment environment = f.room.environment();
  environment.connect = [&away](const std::string&) {
    auto made = std::make_unique<AwayShard>();
    away = made.get();
    return made;
  };
  f.shard = ParameterShard::Create(std::make_shared<const ShardJob>("job", spec),
                                   MakeRange(1, f.all), environment);
  pb::Plan plan = MakePlan(1);
  *plan.add_shards() = MakeRange(0, {0, 0});
  plan.mutable_shards(0)->set_address("first");
  f.Adopt(plan);
  REQUIRE(f.PushWholeStep(0).ok());
  REQUIRE(away != nullptr);
  for (int i = 0; i < 1000; ++i) f.room.timer().Advance(milliseconds(10));
  CHECK(away->asked >= 10);
  CHECK(away->asked <= 20);
}

TEST_CASE("a part that does not fit the model is refused") {
  Norms norms;
  CHECK(absl::IsInvalidArgument(norms.Take(Norms::Part(1, {1, 4}, {1, 2}))->status()));
  CHECK(absl::IsInvalidArgument(norms.Take(Norms::Part(1, {1, 5}, {1}))->status()));
  CHECK(absl::IsInvalidArgument(norms.Take(Norms::Part(1, {3, 1}, {}))->status()));
}

TEST_CASE("a gradient is made as long as it may be; one that is short, or no number, stays") {
  CHECK(ClipFactor(2, 16) == 0.5f);
  CHECK(ClipFactor(4, 16) == 1.0f);
  CHECK(ClipFactor(5, 16) == 1.0f);
  CHECK(ClipFactor(1, NAN) == 1.0f);
  CHECK(ClipFactor(1, INFINITY) == 1.0f);
}

TEST_CASE("squares are the same in whatever pieces a gradient arrived, and whoever adds it") {
  Norms norms;
  const auto big = MakeJob("job", {16384 + 77, 1}, Kind::kSgd, 2);
  BlockStore store(big->grid, {0, big->grid.blocks()}, big->spec.optimizer, 2);
  std::vector<float> left(16384), right(16384), sum(16384);
  for (size_t i = 0; i < sum.size(); ++i) {
    left[i] = ToUnitFloat(Philox(1, 2, i)[0]) - 0.5f;
    right[i] = ToUnitFloat(Philox(1, 3, i)[0]) - 0.5f;
    sum[i] = left[i] + right[i];
  }
  double expected = 0, lanes[8] = {};
  for (size_t i = 0; i < sum.size(); ++i) lanes[i % 8] += static_cast<double>(sum[i]) * sum[i];
  for (const double lane : lanes) expected += lane;
  Payload pieces;
  const char* bytes = reinterpret_cast<const char*>(sum.data());
  for (size_t at = 0; at < 65536; at += 1021) {
    pieces.Append(bytes + at, std::min<size_t>(1021, 65536 - at), nullptr);
  }
  CHECK(store.SquaredNorm(0, {OwnedPayload(sum), Payload()}) == expected);
  CHECK(store.SquaredNorm(0, {pieces, Payload()}) == expected);
  CHECK(store.SquaredNorm(0, {OwnedPayload(left), OwnedPayload(right)}) == expected);
}

}  // namespace
}  // namespace paracord
