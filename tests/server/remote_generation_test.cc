// Parts of a checkpoint that are on another server.
#include "server/remote_generation.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "server/restore.h"
#include "server/shard_host.h"
#include "tests/server/plain_loop.h"
#include "tests/server/shard_room.h"

namespace paracord {
namespace {

// Answers as a server's host does; its bytes can be changed on the way.
class Peer : public Shard {
 public:
  Peer(const BlockDb& db, bool torn, int absent) : db_(db), torn_(torn), absent_(absent) {}
  void Push(const pb::PushHeader&, Payload, Callback<Payload> done) override { Refuse(done); }
  void Query(const pb::QueryRequest&, Callback<pb::QueryReply> done) override { Refuse(done); }
  void Lease(const pb::LeaseRequest&, Callback<pb::LeaseReply> done) override { Refuse(done); }
  void Pull(const pb::PullHeader& header, Callback<Payload> done) override {
    if (absent_-- > 0) return done(absl::UnavailableError("not there yet"));
    auto bytes = db_.ReadFile(header.generation(), header.file(), header.offset(), header.length());
    if (torn_ && bytes.ok() && header.file().find(".sst") != std::string::npos) {
      auto changed = std::make_shared<std::string>(bytes->size(), '?');
      *bytes = Payload();
      bytes->Append(changed->data(), changed->size(), changed);
    }
    done(std::move(bytes));
  }

 private:
  template <class Done>
  static void Refuse(const Done& done) {
    done(absl::UnimplementedError("only files"));
  }
  const BlockDb& db_;
  const bool torn_;
  int absent_;
};

// A job's checkpoint of step 2 in two parts on two servers, and a third server with nothing.
struct Scattered {
  std::shared_ptr<const ShardJob> job =
      MakeJob("job", {6, 4, 3}, OptimizerSpec::Kind::kMomentum, 4);
  ShardRoom rooms[3];
  bool torn = false;
  int absent = 0;
  pb::Origin origin;

  Scattered() {
    const BlockRange parts[] = {{0, 2}, {2, 4}};
    for (int i = 0; i < 2; ++i) {
      const auto shard = rooms[i].MakeShard(job, static_cast<uint32_t>(i), parts[i]);
      shard->Adopt(MakePlan(1));
      rooms[i].Settle();
      shard->StopAndStore(1, [](const absl::Status&) {});
      rooms[i].Settle();
      const StoredGeneration stored = rooms[i].db().List().back();
      pb::StoredShard* piece = origin.add_pieces();
      piece->set_server("server-" + std::to_string(i));
      piece->set_address(std::to_string(i));
      piece->set_block_begin(parts[i].begin);
      piece->set_block_end(parts[i].end);
      piece->set_hash(stored.hash);
    }
    SetHistory(MakePlan(1), &origin);
  }
  PeerServers Connect() {
    return [this](const std::string& address) {
      return std::make_unique<Peer>(rooms[std::stoi(address)].db(), torn, absent);
    };
  }
  // Of another job, on the third server.
  absl::StatusOr<std::optional<Restored>> Load(BlockRange range, Unreadable* unreadable) {
    pb::Plan plan = MakePlan(1);
    plan.set_job("another");
    *plan.mutable_origin() = origin;
    return LoadHistory(rooms[2].db(), Connect(), plan, range, *job, unreadable);
  }
  size_t Files() {
    size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(rooms[2].folder())) {
      files += entry.path().filename() == "lock" ? 0 : 1;
    }
    return files;
  }
};

TEST_CASE("another job begins with the parts of other servers, cut otherwise, and leaves no file") {
  Scattered f;
  f.absent = GENERATE(0, 2);
  Unreadable unreadable;
  const auto restored = f.Load({1, 4}, &unreadable);
  REQUIRE(restored.ok());
  REQUIRE(restored->has_value());
  REQUIRE((*restored)->blocks.size() == 3);
  CHECK((*restored)->parts.size() == 2);
  const PlainLoop truth(*f.job, 4);
  for (const BlockSnapshot& block : (*restored)->blocks) {
    const std::vector<float> floats(block.weights.get(), block.weights.get() + block.floats);
    CHECK(SameBits(floats, truth.At(0, block.block)));
  }
  CHECK(f.Files() == 0);
}

TEST_CASE("a part that changed on the way is refused, and no step of the job itself is blamed") {
  Scattered f;
  f.torn = true;
  Unreadable unreadable;
  CHECK(absl::IsDataLoss(f.Load({0, 4}, &unreadable).status()));
  CHECK(unreadable.history == 0);
  CHECK(f.Files() == 0);
}

TEST_CASE("a part that its server has no more is refused") {
  Scattered f;
  f.origin.mutable_pieces(1)->set_hash("another");
  Unreadable unreadable;
  CHECK(absl::IsNotFound(f.Load({0, 4}, &unreadable).status()));
}

TEST_CASE("only the files of a generation are sent, and no more than 8 MiB at once") {
  ShardRoom room;
  const auto job = MakeJob("job", {6}, OptimizerSpec::Kind::kSgd, 2);
  const auto shard = room.MakeShard(job, 0, {0, job->grid.blocks()});
  shard->Adopt(MakePlan(1));
  room.Settle();
  const std::string hash = room.db().List().back().hash;
  const auto size = [&](const std::string& file, uint64_t offset, uint64_t length) {
    const auto bytes = room.db().ReadFile(hash, file, offset, length);
    return bytes.ok() ? static_cast<int64_t>(bytes->size()) : -1;
  };
  CHECK(size("record", 0, 10) == 10);
  CHECK(size("record", 1 << 20, 10) == 0);
  CHECK(size("CURRENT", 0, 1 << 20) > 0);
  CHECK(size("../lock", 0, 10) == -1);
  CHECK(size("/etc/passwd", 0, 10) == -1);
  CHECK(absl::IsNotFound(room.db().ReadFile("another", "record", 0, 10).status()));
  ShardHost host("server-0", 1, room.environment());
  pb::PullHeader header;
  header.set_file("record");
  header.set_generation(hash);
  header.set_length((8 << 20) + 1);
  absl::StatusCode code = absl::StatusCode::kOk;
  host.Pull(header, [&](const auto& reply) { code = reply.status().code(); });
  CHECK(code == absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace paracord
