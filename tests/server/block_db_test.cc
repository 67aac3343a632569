#include "server/block_db.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "common/base/daemon.h"
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

// All of a generation that is here.
absl::StatusOr<std::vector<BlockSnapshot>> LoadAll(const BlockDb& db,
                                                   const pb::GenerationRecord& record,
                                                   const BlockGrid& grid) {
  const auto found = db.Find(record);
  if (!found.has_value()) return absl::NotFoundError("not here");
  return db.Load(*found, {record.block_begin(), record.block_end()}, grid);
}

// Every file of every generation.
std::vector<std::filesystem::path> FilesOf(const std::string& directory) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    const bool own = entry.path().parent_path() == directory;
    if (entry.is_regular_file() && !own) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

void FlipByte(const std::filesystem::path& file, uint64_t at, char bits) {
  std::fstream torn(file, std::ios::in | std::ios::out | std::ios::binary);
  torn.seekg(static_cast<std::streamoff>(at));
  const char byte = static_cast<char>(torn.get() ^ bits);
  torn.seekp(static_cast<std::streamoff>(at));
  torn.put(byte);
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
  const auto stored = db->List();
  REQUIRE(stored.size() == 1);
  pb::GenerationRecord record = stored[0].record;
  CHECK(record.files_size() > 0);
  record.clear_files();
  CHECK(record.SerializeAsString() == generation.record.SerializeAsString());
  const auto blocks = LoadAll(*db, record, job->grid);
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
  const auto blocks = LoadAll(*db, generation.record, job->grid);
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
  const auto blocks = LoadAll(*db, first.record, job->grid);
  REQUIRE(blocks.ok());
  CheckSame(*blocks, first.blocks);
}

TEST_CASE("another generation in a stored one's place is refused") {
  const TemporaryDirectory directory;
  const auto job = Job();
  auto db = BlockDb::Open(directory.path()).value();
  const Generation first = MakeGeneration(*job, 5, {0, 3});
  REQUIRE(db->Write(first).ok());
  CHECK(absl::IsDataLoss(db->Write(MakeGeneration(*job, 5, {0, 2})).status()));
  const auto blocks = LoadAll(*db, first.record, job->grid);
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
  CHECK(db->List().size() == all.size());
  for (const Generation& generation : all) {
    const auto blocks = LoadAll(*db, generation.record, job->grid);
    REQUIRE(blocks.ok());
    CheckSame(*blocks, generation.blocks);
  }
}

TEST_CASE("what a killed process left half written is swept") {
  const TemporaryDirectory directory;
  BlockDb::Open(directory.path()).value();
  const std::string left = directory.path() + "/part-7";
  std::filesystem::create_directory(left);
  std::ofstream(left + "/000004.sst") << "half";
  auto db = BlockDb::Open(directory.path()).value();
  CHECK_FALSE(std::filesystem::exists(left));
  REQUIRE(db->Write(MakeGeneration(*Job(), 5, {0, 3})).ok());
  for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
    CHECK(entry.path().filename().string().rfind("part-", 0) == std::string::npos);
  }
}

TEST_CASE("a generation that does not fit the model's grid is DataLoss") {
  const TemporaryDirectory directory;
  const auto job = Job();
  auto db = BlockDb::Open(directory.path()).value();
  const Generation generation = MakeGeneration(*job, 5, {0, 3});
  REQUIRE(db->Write(generation).ok());
  const auto larger = MakeJob("job", {7, 4}, OptimizerSpec::Kind::kAdam, 2);
  CHECK(absl::IsDataLoss(LoadAll(*db, generation.record, larger->grid).status()));
  const auto fewer = MakeJob("job", {6}, OptimizerSpec::Kind::kAdam, 2);
  CHECK(absl::IsDataLoss(LoadAll(*db, generation.record, fewer->grid).status()));
  pb::GenerationRecord never = generation.record;
  never.set_step(6);
  CHECK(absl::IsNotFound(LoadAll(*db, never, job->grid).status()));
}

TEST_CASE("a byte that turned in any file of a generation is found, and never weights") {
  const uint32_t seed = 4711;
  CAPTURE(seed);
  std::mt19937 random(seed);
  const TemporaryDirectory directory(FastFolder());
  const auto job = Job();
  const Generation generation = MakeGeneration(*job, 5, {0, 3});
  const std::string hash = BlockDb::Open(directory.path()).value()->Write(generation).value().hash;
  std::vector<std::filesystem::path> files = FilesOf(directory.path());
  std::erase_if(files, [](const auto& file) { return std::filesystem::file_size(file) == 0; });
  REQUIRE(files.size() >= 4);
  for (int i = 0; i < 500; ++i) {
    const auto& file = files[random() % files.size()];
    const uint64_t at = random() % std::filesystem::file_size(file);
    const char bits = static_cast<char>(1 << random() % 8);
    INFO(file << " at " << at);
    const auto open = BlockDb::Open(directory.path()).value();
    FlipByte(file, at, bits);
    CHECK(absl::IsDataLoss(open->Verify(generation.record, hash)));
    CHECK(absl::IsDataLoss(LoadAll(*open, generation.record, job->grid).status()));
    FlipByte(file, at, bits);
    CHECK(open->Verify(generation.record, hash).ok());
  }
}

TEST_CASE("files of a generation that are cut, gone or exchanged are found") {
  const TemporaryDirectory directory(FastFolder());
  const auto job = Job();
  const Generation generation = MakeGeneration(*job, 5, {0, 3});
  auto db = BlockDb::Open(directory.path()).value();
  const std::string hash = db->Write(generation).value().hash;
  REQUIRE(db->Write(MakeGeneration(*job, 6, {0, 3})).ok());
  const auto good = [&] { return db->Verify(generation.record, hash).ok(); };
  for (const auto& file : FilesOf(directory.path())) {
    if (file.parent_path().filename().string().find("+5+") == std::string::npos) continue;
    INFO(file);
    const auto other =
        directory.path() / std::filesystem::path("cluster+job+1+6+0+0") / file.filename();
    const auto kept = file.string() + "-kept";
    REQUIRE(good());
    std::filesystem::copy(file, kept);
    const uint64_t size = std::filesystem::file_size(file);
    if (size > 0) {
      std::filesystem::resize_file(file, size - 1);
      CHECK_FALSE(good());
      std::filesystem::resize_file(file, 0);
      CHECK_FALSE(good());
    }
    std::filesystem::remove(file);
    CHECK_FALSE(good());
    // Those that are the same in both folders may stand for one another.
    if (ReadFile(other).value_or("") != ReadFile(kept).value()) {
      std::filesystem::copy(other, file);
      CHECK_FALSE(good());
    }
    std::filesystem::remove(file);
    std::filesystem::rename(kept, file);
  }
  CHECK(good());
}

TEST_CASE("a generation whose record is damaged is told to nobody, and its place can be taken") {
  const TemporaryDirectory directory;
  const auto job = Job();
  const Generation generation = MakeGeneration(*job, 5, {0, 3});
  REQUIRE(BlockDb::Open(directory.path()).value()->Write(generation).ok());
  for (const auto& file : FilesOf(directory.path())) {
    if (file.filename() == "record") FlipByte(file, 40, 1);
  }
  auto db = BlockDb::Open(directory.path()).value();
  CHECK(db->List().empty());
  REQUIRE(db->Write(generation).ok());
  const auto blocks = LoadAll(*db, generation.record, job->grid);
  REQUIRE(blocks.ok());
  CheckSame(*blocks, generation.blocks);
}

TEST_CASE("what was dropped is gone, and others stay") {
  const TemporaryDirectory directory;
  const auto job = Job();
  auto db = BlockDb::Open(directory.path()).value();
  const Generation first = MakeGeneration(*job, 5, {0, 3}),
                   second = MakeGeneration(*job, 6, {0, 3});
  REQUIRE(db->Write(first).ok());
  REQUIRE(db->Write(second).ok());
  CHECK(db->Drop(first.record).ok());
  CHECK(db->Drop(first.record).ok());
  CHECK(db->List().size() == 1);
  CHECK(absl::IsNotFound(LoadAll(*db, first.record, job->grid).status()));
  CHECK(LoadAll(*db, second.record, job->grid).ok());
}

TEST_CASE("a shard's part of a generation is loaded by itself") {
  const TemporaryDirectory directory;
  const auto job = Job();
  auto db = BlockDb::Open(directory.path()).value();
  const Generation generation = MakeGeneration(*job, 5, {0, 3});
  const StoredGeneration stored = db->Write(generation).value();
  const auto blocks = db->Load(stored, {1, 2}, job->grid);
  REQUIRE(blocks.ok());
  CheckSame(*blocks, {generation.blocks[1]});
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
