#include "server/block_db.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/server/plain_loop.h"
#include "tests/server/shard_room.h"

namespace paracord {
namespace {

std::shared_ptr<const ShardJob> Job() {
  return MakeJob("job", {6, 4}, OptimizerSpec::Kind::kAdam, 2);
}

std::shared_ptr<const float> Buffer(const std::vector<float>& values) {
  auto owner = std::make_shared<const std::vector<float>>(values);
  return {owner, owner->data()};
}

// A block of the given version, every float of which says where it belongs.
BlockSnapshot Block(const ShardJob& job, uint64_t number, uint64_t version, bool previous) {
  const uint32_t floats = job.grid.block(number).floats;
  const auto fill = [&](float kind) {
    std::vector<float> values(floats);
    for (uint32_t i = 0; i < floats; ++i) {
      values[i] = kind * 1000 + static_cast<float>(number * 100 + version * 10 + i);
    }
    return Buffer(values);
  };
  BlockSnapshot block{number, version, fill(1), nullptr, nullptr, nullptr, floats};
  if (previous) block.previous = fill(2);
  if (job.grid.kind(number) == TensorKind::kTrained) block.state1 = fill(3), block.state2 = fill(4);
  return block;
}

Generation MakeGeneration(const ShardJob& job, uint64_t step, BlockRange range) {
  Generation generation;
  generation.record = MakeRecord(step, range);
  for (uint64_t b = range.begin; b < range.end; ++b) {
    generation.blocks.push_back(Block(job, b, step, true));
  }
  return generation;
}

bool Same(const std::shared_ptr<const float>& a, const std::shared_ptr<const float>& b,
          uint32_t floats) {
  if (a == nullptr || b == nullptr) return a == b;
  return std::memcmp(a.get(), b.get(), floats * sizeof(float)) == 0;
}

void CheckSame(const std::vector<BlockSnapshot>& found,
               const std::vector<BlockSnapshot>& expected) {
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    const BlockSnapshot &a = found[i], &b = expected[i];
    INFO("block " << b.block);
    CHECK(a.block == b.block);
    CHECK(a.version == b.version);
    REQUIRE(a.floats == b.floats);
    CHECK(Same(a.weights, b.weights, a.floats));
    CHECK(Same(a.previous, b.previous, a.floats));
    CHECK(Same(a.state1, b.state1, a.floats));
    CHECK(Same(a.state2, b.state2, a.floats));
  }
}

std::string FileWithEnding(const std::string& directory, const std::string& ending) {
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() == ending) return entry.path().string();
  }
  return "";
}

TEST_CASE("a generation comes back as it was written, after the database was opened again") {
  const TemporaryDirectory directory;
  const auto job = Job();
  const Generation generation = MakeGeneration(*job, 5, {0, 3});
  {
    auto db = BlockDb::Open(directory.path()).value();
    REQUIRE(db->Write(generation).ok());
  }
  const auto db = BlockDb::Open(directory.path()).value();
  const auto records = db->List();
  REQUIRE(records.ok());
  REQUIRE(records->size() == 1);
  CHECK((*records)[0].SerializeAsString() == generation.record.SerializeAsString());
  const auto blocks = db->Load((*records)[0], job->grid);
  REQUIRE(blocks.ok());
  CheckSame(*blocks, generation.blocks);
}

TEST_CASE("blocks that are ahead of the generation's step come back ahead, others behind") {
  const TemporaryDirectory directory;
  const auto job = Job();
  auto db = BlockDb::Open(directory.path()).value();
  Generation generation = MakeGeneration(*job, 5, {0, 3});
  generation.blocks[0] = Block(*job, 0, 6, true);   // ahead: previous is version 5
  generation.blocks[1] = Block(*job, 1, 5, true);   // previous is version 4
  generation.blocks[2] = Block(*job, 2, 5, false);  // previous dropped
  REQUIRE(db->Write(generation).ok());
  const auto blocks = db->Load(generation.record, job->grid);
  REQUIRE(blocks.ok());
  CheckSame(*blocks, generation.blocks);
  const auto weights = db->Read(MakeRecord(5, {0, 3}));
  REQUIRE(weights.ok());
  std::vector<float> expected;
  for (const BlockSnapshot& block : generation.blocks) {
    const auto& at_step = block.version == 6 ? block.previous : block.weights;
    expected.insert(expected.end(), at_step.get(), at_step.get() + block.floats);
  }
  CHECK(SameBits(ToFloats(*weights), expected));
}

TEST_CASE("a part of a generation is read by itself; what is not stored whole is NotFound") {
  const TemporaryDirectory directory;
  const auto job = Job();
  auto db = BlockDb::Open(directory.path()).value();
  const Generation generation = MakeGeneration(*job, 5, {1, 3});
  REQUIRE(db->Write(generation).ok());
  const auto one = db->Read(MakeRecord(5, {2, 3}));
  REQUIRE(one.ok());
  CHECK(one->size() == 4 * sizeof(float));
  CHECK(absl::IsNotFound(db->Read(MakeRecord(5, {0, 3})).status()));
  CHECK(absl::IsNotFound(db->Read(MakeRecord(4, {2, 3})).status()));
  pb::GenerationRecord other = MakeRecord(5, {2, 3});
  SECTION("of another history") { other.set_history(2); }
  SECTION("of another job") { other.set_job("jo"); }
  SECTION("of another cluster") { other.set_cluster("foreign"); }
  CHECK(absl::IsNotFound(db->Read(other).status()));
}

TEST_CASE("a generation is never rewritten") {
  const TemporaryDirectory directory;
  const auto job = Job();
  auto db = BlockDb::Open(directory.path()).value();
  const Generation first = MakeGeneration(*job, 5, {0, 3});
  REQUIRE(db->Write(first).ok());
  Generation other = first;
  for (BlockSnapshot& block : other.blocks) {
    block.weights = Buffer(std::vector<float>(block.floats, 99));
  }
  CHECK(db->Write(other).ok());
  const auto blocks = db->Load(first.record, job->grid);
  REQUIRE(blocks.ok());
  CheckSame(*blocks, first.blocks);
}

TEST_CASE("another generation in a stored one's place is refused") {
  const TemporaryDirectory directory;
  const auto job = Job();
  auto db = BlockDb::Open(directory.path()).value();
  const Generation first = MakeGeneration(*job, 5, {0, 3});
  REQUIRE(db->Write(first).ok());
  CHECK(absl::IsDataLoss(db->Write(MakeGeneration(*job, 5, {0, 2}))));
  const auto blocks = db->Load(first.record, job->grid);
  REQUIRE(blocks.ok());
  CheckSame(*blocks, first.blocks);
}

TEST_CASE("generations of other clusters, jobs, histories, steps and shards do not mix") {
  const TemporaryDirectory directory;
  const auto job = Job();
  auto db = BlockDb::Open(directory.path()).value();
  std::vector<Generation> all(6, MakeGeneration(*job, 5, {0, 1}));
  all[1] = MakeGeneration(*job, 5, {1, 3});
  all[2] = MakeGeneration(*job, 256, {0, 1});
  all[3].record.set_cluster("foreign");
  all[4].record.set_job("job2");
  all[5].record.set_history(2);
  for (size_t i = 0; i < all.size(); ++i) {
    all[i].blocks[0].weights =
        Buffer(std::vector<float>(all[i].blocks[0].floats, static_cast<float>(i)));
    REQUIRE(db->Write(all[i]).ok());
  }
  CHECK(db->List()->size() == all.size());
  for (const Generation& generation : all) {
    const auto blocks = db->Load(generation.record, job->grid);
    REQUIRE(blocks.ok());
    CheckSame(*blocks, generation.blocks);
  }
}

TEST_CASE("what a killed process left half written is swept") {
  const TemporaryDirectory directory;
  BlockDb::Open(directory.path()).value();
  const std::string left = directory.path() + "/ingest-7.sst";
  std::ofstream(left) << "half";
  auto db = BlockDb::Open(directory.path()).value();
  CHECK_FALSE(std::filesystem::exists(left));
  REQUIRE(db->Write(MakeGeneration(*Job(), 5, {0, 3})).ok());
  for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
    CHECK(entry.path().filename().string().rfind("ingest-", 0) == std::string::npos);
  }
}

TEST_CASE("a generation that does not fit the model's grid is DataLoss") {
  const TemporaryDirectory directory;
  const auto job = Job();
  auto db = BlockDb::Open(directory.path()).value();
  const Generation generation = MakeGeneration(*job, 5, {0, 3});
  REQUIRE(db->Write(generation).ok());
  const auto larger = MakeJob("job", {7, 4}, OptimizerSpec::Kind::kAdam, 2);
  CHECK(absl::IsDataLoss(db->Load(generation.record, larger->grid).status()));
  const auto fewer = MakeJob("job", {6}, OptimizerSpec::Kind::kAdam, 2);
  CHECK(absl::IsDataLoss(db->Load(generation.record, fewer->grid).status()));
  pb::GenerationRecord never = generation.record;
  never.set_step(6);
  CHECK(absl::IsDataLoss(db->Load(never, job->grid).status()));
}

TEST_CASE("a byte that turned on the disk is DataLoss, not weights") {
  const TemporaryDirectory directory;
  const auto job = Job();
  const Generation generation = MakeGeneration(*job, 5, {0, 3});
  REQUIRE(BlockDb::Open(directory.path()).value()->Write(generation).ok());
  const std::string file = FileWithEnding(directory.path(), ".sst");
  REQUIRE_FALSE(file.empty());
  {
    std::fstream torn(file, std::ios::in | std::ios::out | std::ios::binary);
    torn.seekp(60);  // inside the first data block
    const char byte = static_cast<char>(torn.get() ^ 0x10);
    torn.seekp(60);
    torn.put(byte);
  }
  auto db = BlockDb::Open(directory.path());
  const absl::Status found =
      db.ok() ? (*db)->Load(generation.record, job->grid).status() : db.status();
  INFO(found.ToString());
  CHECK(absl::IsDataLoss(found));
}

TEST_CASE("a folder whose database is torn is refused as DataLoss") {
  const TemporaryDirectory directory;
  { auto db = BlockDb::Open(directory.path()).value(); }
  std::ofstream(directory.path() + "/CURRENT") << "this is no manifest's name";
  const auto opened = BlockDb::Open(directory.path());
  INFO(opened.status().ToString());
  CHECK(absl::IsDataLoss(opened.status()));
}

TEST_CASE("a path that is no folder is refused with its name") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/file";
  std::ofstream(path) << "something else";
  const auto opened = BlockDb::Open(path);
  REQUIRE_FALSE(opened.ok());
  CHECK(std::string(opened.status().message()).find(path) != std::string::npos);
}

TEST_CASE("a database that is open already is AlreadyExists, and the first goes on") {
  const TemporaryDirectory directory;
  const auto job = Job();
  auto db = BlockDb::Open(directory.path()).value();
  CHECK(absl::IsAlreadyExists(BlockDb::Open(directory.path()).status()));
  CHECK(db->Write(MakeGeneration(*job, 1, {0, 3})).ok());
}

}  // namespace
}  // namespace paracord
