#include "server/shard_host.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <future>

#include "common/rpc/wait.h"
#include "tests/server/shard_room.h"

namespace paracord {
namespace {

constexpr uint64_t kIncarnation = 41;

const char* const kYaml = R"(
name: job
model: {input: [4], layers: [{linear: 2}], loss: softmax_cross_entropy}
data: {train: {format: synthetic, samples: 8, features: 4, classes: 2}}
train: {steps: 4, batch_size: 4, virtual_workers: 1, optimizer: {kind: sgd, lr: 0.1}}
workers: 1
)";

struct HostFixture {
  ShardRoom room;
  Crew crew{2};
  std::atomic<int> changes{0};
  std::unique_ptr<ShardHost> host;

  explicit HostFixture(uint64_t budget = 1 << 20) : room(budget) { Start(); }
  ~HostFixture() { room.Settle(); }

  void Start() {
    room.Settle();
    host = std::make_unique<ShardHost>(
        "server-0", kIncarnation,
        ShardEnvironment{room.db(), room.storage(), room.lanes(), room.budget(), room.timer(), crew,
                         [this] { ++changes; }});
  }
  static pb::Assignment Assign(const std::string& job, uint64_t number,
                               pb::Plan::Phase phase = pb::Plan::TRAINING, uint64_t step = 0) {
    pb::Assignment assignment;
    assignment.mutable_job()->set_id(job);
    assignment.mutable_job()->set_yaml(kYaml);
    *assignment.mutable_plan() = MakePlan(number, phase, step);
    assignment.mutable_plan()->set_job(job);
    pb::ShardRange* range = assignment.mutable_plan()->add_shards();
    range->set_server("server-0");
    range->set_incarnation(kIncarnation);
    const auto spec = ParseJobOrStatus(kYaml, "").value();
    range->set_block_end(GridOf(spec).blocks());
    return assignment;
  }
  void Adopt(const std::vector<pb::Assignment>& assignments) {
    pb::WatchReply reply;
    for (const pb::Assignment& assignment : assignments) *reply.add_assignments() = assignment;
    host->Adopt(reply);
    room.Settle();  // loaded
    room.Settle();  // and stored
  }
  pb::PullHeader Header(const std::string& job, uint64_t plan, uint64_t version) {
    pb::PullHeader header;
    const pb::Assignment assignment = Assign(job, 1);
    SetHistory(assignment.plan(), &header);
    header.set_plan(plan);
    header.set_version(version);
    header.set_block_end(assignment.plan().shards(0).block_end());
    return header;
  }
  absl::StatusOr<Payload> Pull(const pb::PullHeader& header) {
    return Await<Payload>([&](auto done) { host->Pull(header, std::move(done)); });
  }
  pb::HeartbeatRequest Heartbeat() {
    pb::HeartbeatRequest heartbeat;
    host->FillHeartbeat(&heartbeat);
    return heartbeat;
  }
};

TEST_CASE("a server makes the shards that plans give to it, and drops those nobody names") {
  HostFixture f;
  f.Adopt({HostFixture::Assign("a-1", 1), HostFixture::Assign("b-2", 1)});
  CHECK(f.Heartbeat().shards_size() == 2);
  CHECK(f.Pull(f.Header("a-1", 1, 0)).ok());
  CHECK(f.Pull(f.Header("b-2", 1, 0)).ok());
  f.Adopt({HostFixture::Assign("b-2", 1)});
  CHECK(f.Heartbeat().shards_size() == 1);
  CHECK(absl::IsUnavailable(f.Pull(f.Header("a-1", 1, 0)).status()));
  CHECK(f.Pull(f.Header("b-2", 1, 0)).ok());
}

TEST_CASE("plans for another server, and for what had this one's name before, are not followed") {
  HostFixture f;
  pb::Assignment other = HostFixture::Assign("a-1", 1), before = HostFixture::Assign("b-2", 1);
  other.mutable_plan()->mutable_shards(0)->set_server("server-1");
  before.mutable_plan()->mutable_shards(0)->set_incarnation(kIncarnation - 1);
  f.Adopt({other, before});
  CHECK(f.Heartbeat().shards_size() == 0);
  CHECK(f.room.budget().used() == 0);
}

TEST_CASE("a job whose text does not parse here is reported, with the reason") {
  HostFixture f;
  pb::Assignment bad = HostFixture::Assign("a-1", 1);
  bad.mutable_job()->set_yaml("model: 7");
  f.Adopt({bad});
  REQUIRE(f.Heartbeat().shards_size() == 1);
  CHECK(f.Heartbeat().shards(0).error() == "the job's text does not parse here");
  f.Adopt({});
  CHECK(f.Heartbeat().shards_size() == 0);
}

TEST_CASE("readers of a job that has ended are served from disk, also after a restart") {
  HostFixture f;
  f.Adopt({HostFixture::Assign("a-1", 1)});
  const auto before = f.Pull(f.Header("a-1", 1, 0));
  REQUIRE(before.ok());
  f.Adopt({HostFixture::Assign("a-1", 2, pb::Plan::CLOSED)});
  const auto after = f.Pull(f.Header("a-1", 0, 0));
  REQUIRE(after.ok());
  CHECK(ToFloats(*after) == ToFloats(*before));
  f.Adopt({});
  CHECK(f.Pull(f.Header("a-1", 0, 0)).ok());
  f.Start();
  CHECK(f.Pull(f.Header("a-1", 0, 0)).ok());
  CHECK(f.host->Stored().size() == 1);
  CHECK(absl::IsOutOfRange(f.Pull(f.Header("a-1", 0, 1)).status()));
  pb::PullHeader foreign = f.Header("a-1", 0, 0);
  foreign.set_cluster("another");
  CHECK(absl::IsOutOfRange(f.Pull(foreign).status()));
}

TEST_CASE("a generation is told once, and the scheduler soon") {
  HostFixture f;
  f.Adopt({HostFixture::Assign("a-1", 1)});
  const int before = f.changes;
  CHECK(f.host->Stored().size() == 1);
  CHECK(f.Heartbeat().stored_size() == 1);
  CHECK(f.Heartbeat().stored(0).cluster() == "cluster");
  CHECK(before > 0);
}

TEST_CASE("a server that stops stores its shards, follows no plan and answers that it stops") {
  HostFixture f;
  f.Adopt({HostFixture::Assign("a-1", 1)});
  REQUIRE(f.host->StopAndStore().ok());
  CHECK(f.host->Stored().size() == 2);  // the first values, too
  f.Adopt({HostFixture::Assign("a-1", 1), HostFixture::Assign("b-2", 1)});
  CHECK(f.Heartbeat().shards_size() == 1);
  for (const pb::PullHeader& header :
       {f.Header("a-1", 1, 0), f.Header("b-2", 1, 0), f.Header("b-2", 0, 0)}) {
    const absl::Status status = f.Pull(header).status();
    CHECK(absl::IsUnavailable(status));
    CHECK(status.message() == "the server is stopping");
  }
}

TEST_CASE("two jobs in one answer: the one that ends makes room for the one that starts") {
  HostFixture f;
  f.Adopt({HostFixture::Assign("a-1", 1)});
  const uint64_t one = f.room.budget().used();
  REQUIRE(one > 0);
  f.Adopt({HostFixture::Assign("a-1", 2, pb::Plan::CLOSED), HostFixture::Assign("b-2", 1)});
  CHECK(f.room.budget().used() == one);
  const pb::HeartbeatRequest heartbeat = f.Heartbeat();
  for (const pb::ShardReport& report : heartbeat.shards()) CHECK(report.error() == "");
}

TEST_CASE("a stop answers who waits for the disk behind others, and reads nothing for them") {
  HostFixture f;
  f.Adopt({HostFixture::Assign("a", 1)});
  const StoredGeneration stored = f.room.db().List().back();
  f.Adopt({});
  std::promise<void> go;
  f.room.Hold(go.get_future());
  pb::QueryRequest request;
  SetHistory(stored.record, &request);
  request.set_verify(true);
  request.set_hash(stored.hash);
  std::promise<absl::Status> verified;
  f.host->Query(request, [&](const auto& reply) { verified.set_value(reply.status()); });
  CHECK(f.host->StopAndStore().ok());
  go.set_value();
  CHECK(absl::IsUnavailable(verified.get_future().get()));
}

}  // namespace
}  // namespace paracord
