#include <catch2/catch.hpp>

#include "tests/server/sim_training.h"

namespace paracord {
namespace {

constexpr uint64_t kFirstSeed = 1, kSeeds = 150;

// A shard without retention: the version before the newest is gone at once.
class ForgetfulShard : public Shard {
 public:
  ForgetfulShard(std::shared_ptr<Shard> shard, const std::string& job)
      : shard_(std::move(shard)), plan_(MakePlan(1)) {
    plan_.set_job(job);
  }
  void Push(const pb::PushHeader& header, Payload floats, Callback<Payload> done) override {
    shard_->Push(header, std::move(floats), std::move(done));
  }
  void Pull(const pb::PullHeader& header, Callback<Payload> done) override {
    pb::PullHeader next = header;
    next.set_plan(0);
    SetHistory(plan_, &next);
    next.set_version(header.version() + 1);
    auto newer = std::make_shared<bool>(false);
    shard_->Pull(next, [newer](const absl::StatusOr<Payload>& reply) { *newer = reply.ok(); });
    if (*newer) return done(absl::OutOfRangeError("dropped at once"));
    shard_->Pull(header, std::move(done));
  }
  void Query(const pb::QueryRequest& request, Callback<pb::QueryReply> done) override {
    shard_->Query(request, std::move(done));
  }
  void Lease(const pb::LeaseRequest& request, Callback<pb::LeaseReply> done) override {
    shard_->Lease(request, std::move(done));
  }

 private:
  const std::shared_ptr<Shard> shard_;
  pb::Plan plan_;
};

TEST_CASE(
    "whatever dies, changes, comes late, twice or never, weights are those of the plain loop and "
    "nobody waits for ever") {
  ShardRoom room;
  for (uint64_t seed = kFirstSeed; seed < kFirstSeed + kSeeds; ++seed) {
    SimTraining training(room, absl::StrCat("sim-", seed), seed);
    INFO("seed " << seed);
    CHECK(training.Run() == "");
  }
}

TEST_CASE("without retention the simulation finds a task whose version is gone for good") {
  ShardRoom room;
  int found = 0;
  for (uint64_t seed = kFirstSeed; seed < kFirstSeed + kSeeds && found == 0; ++seed) {
    const std::string job = absl::StrCat("forgetful-", seed);
    SimTraining training(room, job, seed, [&job](auto shard) {
      return std::make_shared<ForgetfulShard>(std::move(shard), job);
    });
    found += training.Run().find("is gone for a second time") != std::string::npos;
  }
  CHECK(found == 1);
}

}  // namespace
}  // namespace paracord
