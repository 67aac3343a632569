#include "server/checkpoint_copy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <future>
#include <random>

#include "common/base/daemon.h"
#include "common/base/fast_hash.h"
#include "server/copy_layout.h"
#include "tests/server/plain_loop.h"
#include "tests/server/shard_room.h"

namespace paracord {
namespace {

namespace fs = std::filesystem;

// Tensors of more than a block, so that shards cut them.
std::shared_ptr<const ShardJob> Job() {
  return MakeJob("job", {3 * kBlockFloats + 5, 40, kBlockFloats, 7}, OptimizerSpec::Kind::kAdam, 2);
}

std::shared_ptr<const float> Values(uint64_t block, int kind, uint32_t floats) {
  std::shared_ptr<float> values(new float[floats], std::default_delete<float[]>());
  for (uint32_t i = 0; i < floats; ++i) {
    values.get()[i] = static_cast<float>(block * 1000 + static_cast<uint64_t>(kind) * 100) +
                      static_cast<float>(i % 97);
  }
  return values;
}

Generation MakeGeneration(const ShardJob& job, BlockRange range) {
  Generation generation;
  generation.record = MakeRecord(9, range);
  for (uint64_t b = range.begin; b < range.end; ++b) {
    const uint32_t floats = job.grid.block(b).floats;
    BlockSnapshot block{b, 9, Values(b, 0, floats), nullptr, nullptr, nullptr, floats};
    if (job.grid.kind(b) == TensorKind::kTrained) {
      block.state1 = Values(b, 1, floats);
      block.state2 = Values(b, 2, floats);
    }
    if (b == 1) block.version = 8, block.ahead = {17, 19};
    if (b == 2) block.version = 11;  // by whole steps: an asynchronous job's
    generation.blocks.push_back(std::move(block));
  }
  return generation;
}

struct Copied {
  TemporaryDirectory directory{FastFolder()};
  std::shared_ptr<const ShardJob> job = Job();
  std::string folder = CopyFolder(directory.path(), "job", 9, 1);

  explicit Copied(uint32_t shards) {
    const std::vector<BlockRange> cut = job->grid.Cut(shards);
    for (size_t i = cut.size(); i-- > 0;) {
      REQUIRE(WriteCopy(folder, job->grid, 2, cut, i, MakeGeneration(*job, cut[i])).ok());
    }
  }
  bool Good() const { return ReadCopy(folder, {0, job->grid.blocks()}, job->grid).ok(); }
  std::vector<fs::path> Files() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder)) {
      // The index is for others, and follows from the model; the owner's mark is empty.
      const std::string name = entry.path().filename();
      if (name == "model.safetensors.index.json" || name == "cluster-cluster") continue;
      files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    return files;
  }
};

void CheckBlocks(const ShardJob& job, BlockRange range, const Restored& restored) {
  const Generation expected = MakeGeneration(job, range);
  REQUIRE(restored.blocks.size() == range.size());
  for (size_t i = 0; i < restored.blocks.size(); ++i) {
    const BlockSnapshot &found = restored.blocks[i], &wanted = expected.blocks[i];
    INFO("block " << wanted.block);
    CHECK(found.block == wanted.block);
    CHECK(found.version == wanted.version);
    CHECK(found.ahead == wanted.ahead);
    const auto same = [&](const auto& a, const auto& b) {
      if (a == nullptr || b == nullptr) return a == b;
      return std::memcmp(a.get(), b.get(), wanted.floats * sizeof(float)) == 0;
    };
    CHECK(same(found.weights, wanted.weights));
    CHECK(same(found.state1, wanted.state1));
    CHECK(same(found.state2, wanted.state2));
  }
}

TEST_CASE("a copy that any number of shards wrote is read by any other number") {
  for (const uint32_t writers : {1u, 2u, 3u, 5u}) {
    const Copied copied(writers);
    CHECK(copied.Good());
    for (const uint32_t readers : {1u, 2u, 4u, 7u}) {
      CAPTURE(writers, readers);
      for (const BlockRange& range : copied.job->grid.Cut(readers)) {
        const auto restored = ReadCopy(copied.folder, range, copied.job->grid);
        INFO(Describe(restored.status()));
        REQUIRE(restored.ok());
        CheckBlocks(*copied.job, range, *restored);
      }
    }
  }
}

TEST_CASE("a byte that turned anywhere in a copy is found") {
  const uint32_t seed = 4712;
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const Copied copied(2);
  const auto files = copied.Files();
  for (int i = 0; i < 500; ++i) {
    const fs::path& file = files[random() % files.size()];
    const auto at = static_cast<std::streamoff>(random() % fs::file_size(file));
    INFO(file << " at " << at);
    const auto flip = [&] {
      std::fstream torn(file, std::ios::in | std::ios::out | std::ios::binary);
      torn.seekg(at);
      const char byte = static_cast<char>(torn.get() ^ 4);
      torn.seekp(at);
      torn.put(byte);
    };
    flip();
    CHECK_FALSE(copied.Good());
    flip();
  }
  CHECK(copied.Good());
}

TEST_CASE("a file of a copy that is cut, gone or another's is found") {
  const Copied copied(2);
  const auto files = copied.Files();
  const auto good = [&] { return copied.Good(); };
  for (size_t i = 0; i < files.size(); ++i) {
    INFO(files[i]);
    const fs::path kept = copied.directory.path() + "/kept";
    fs::copy(files[i], kept);
    fs::resize_file(files[i], fs::file_size(files[i]) - 1);
    CHECK_FALSE(good());
    fs::remove(files[i]);
    CHECK_FALSE(good());
    fs::copy(files[(i + 1) % files.size()], files[i]);
    CHECK_FALSE(good());
    fs::remove(files[i]);
    fs::rename(kept, files[i]);
    CHECK(good());
  }
}

TEST_CASE("a copy of another model is refused, and so is a folder that has none") {
  const Copied copied(2);
  const auto other =
      MakeJob("job", {3 * kBlockFloats + 5, 41, kBlockFloats, 7}, OptimizerSpec::Kind::kAdam, 2);
  CHECK(absl::IsInvalidArgument(
      ReadCopy(copied.folder, {0, other->grid.blocks()}, other->grid).status()));
  const auto smaller = MakeJob("job", {5, 7}, OptimizerSpec::Kind::kAdam, 2);
  CHECK(absl::IsInvalidArgument(
      ReadCopy(copied.folder, {0, smaller->grid.blocks()}, smaller->grid).status()));
  const auto none = ReadCopy(copied.directory.path() + "/job", {0, 1}, copied.job->grid);
  CHECK(absl::IsNotFound(none.status()));
  CHECK(std::string(none.status().message()).find("step-000000000009") != std::string::npos);
}

TEST_CASE("names in a copy's folder that nobody has written harm nobody") {
  const Copied copied(2);
  std::ofstream(copied.folder + "/manifest-00001-of-00000.json") << "{}";
  CHECK(copied.Good());
  fs::create_directories(copied.directory.path() + "/other");
  const std::string other = copied.directory.path() + "/other";
  std::ofstream(other + "/manifest-00001-of-00000.json") << "{}";
  CHECK(absl::IsNotFound(ReadCopy(other, {0, 1}, copied.job->grid).status()));
}

TEST_CASE("a copy goes with its checkpoint, complete or not, and another cluster's does not") {
  const Copied copied(2);
  const bool complete = GENERATE(true, false);
  // Of any shard: the first one's server may be gone for good.
  pb::GenerationRecord record = MakeRecord(9, {1, copied.job->grid.blocks()});
  record.set_copy(copied.folder);
  const auto there = [&] { return fs::exists(copied.folder); };
  pb::GenerationRecord foreign = record;
  foreign.set_cluster("another");
  DropCopy(foreign);
  CHECK(there());
  for (const fs::path& file : copied.Files()) {
    const bool manifest = file.filename().string().rfind("manifest-", 0) == 0;
    if (manifest && !complete) fs::remove(file);
  }
  DropCopy(record);
  CHECK_FALSE(there());
}

TEST_CASE("a copy that is dropped while a shard writes its part is no trouble of the disk's") {
  const Copied copied(2);
  const std::vector<BlockRange> cut = copied.job->grid.Cut(2);
  pb::GenerationRecord record = MakeRecord(9, cut[0]);
  record.set_copy(copied.folder);
  fs::remove(copied.folder + "/model-00002-of-00002.safetensors");
  REQUIRE(mkfifo((copied.folder + "/model-00002-of-00002.safetensors").c_str(), 0600) == 0);
  const std::string held = copied.directory.path() + "/held";
  fs::create_hard_link(copied.folder + "/model-00002-of-00002.safetensors", held);
  fs::remove(copied.folder + "/cluster-cluster");
  auto written = std::async(std::launch::async, [&] {  // hangs there
    return WriteCopy(copied.folder, copied.job->grid, 2, cut, 1,
                     MakeGeneration(*copied.job, cut[1]));
  });
  const TimePoint until = Clock::now() + seconds(20);
  while (!fs::exists(copied.folder + "/cluster-cluster") && Clock::now() < until) continue;
  DropCopy(record);
  const int reader = open(held.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);  // now it goes on
  CHECK(absl::IsCancelled(written.get()));
  close(reader);
  CHECK_FALSE(fs::exists(copied.folder));
}

TEST_CASE("a job that went back copies a step it had copied before to another folder") {
  const Copied before(2);
  const std::string folder = CopyFolder(before.directory.path(), "job", 9, 2);
  const std::vector<BlockRange> cut = before.job->grid.Cut(2);
  const auto write = [&](size_t shard) {
    Generation generation = MakeGeneration(*before.job, cut[shard]);
    generation.record.set_history(2);
    return WriteCopy(folder, before.job->grid, 2, cut, shard, generation);
  };
  REQUIRE(write(1).ok());
  pb::GenerationRecord record = MakeRecord(9, cut[0]);
  record.set_copy(before.folder);
  DropCopy(record);  // while the new one is in the making
  REQUIRE(write(0).ok());
  CHECK(ReadCopy(folder, {0, before.job->grid.blocks()}, before.job->grid).ok());
}

TEST_CASE("a job of the same name in another cluster does not write over a copy") {
  const Copied copied(1);
  const BlockRange all{0, copied.job->grid.blocks()};
  Generation foreign = MakeGeneration(*copied.job, all);
  foreign.record.set_cluster("another");
  const absl::Status status = WriteCopy(copied.folder, copied.job->grid, 2, {all}, 0, foreign);
  CHECK(absl::IsUnavailable(status));
  CHECK(status.message().find("of another cluster, cluster") != std::string::npos);
  CHECK(copied.Good());
}

TEST_CASE("a manifest with a good hash and another shape is refused") {
  const Copied copied(1);
  fs::path manifest;
  for (const fs::path& file : copied.Files()) {
    if (file.filename().string().rfind("manifest-", 0) == 0) manifest = file;
  }
  const std::string good = ReadFile(manifest).value();
  const std::string body = good.substr(good.find('\n') + 1);
  const auto with = [&](const std::string& text) {
    REQUIRE(WriteFileAtomically(manifest, FastHashOf(text) + "\n" + text).ok());
    return copied.Good();
  };
  CHECK(with(body));
  for (const std::string text : {"[]", "7", "{}", "{\"format\": 7}", "{\"format\": [\"a\"]}"}) {
    CHECK_FALSE(with(text));
  }
  const size_t states = body.find("\"states\": 2");
  REQUIRE(states != std::string::npos);
  CHECK_FALSE(with(body.substr(0, states) + "\"states\": 2147483647" + body.substr(states + 11)));
}

}  // namespace
}  // namespace paracord
