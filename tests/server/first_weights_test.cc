#include "server/first_weights.h"

#include <catch2/catch.hpp>
#include <limits>

#include "common/base/daemon.h"
#include "tests/server/shard_room.h"
#include "tests/support/safetensors_bytes.h"

namespace paracord {
namespace {

constexpr int64_t kLarge = 2 * kBlockFloats + 5;

std::vector<float> Counting(int64_t count, float first) {
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) values.push_back(first + static_cast<float>(i % 1000));
  return values;
}

// A job of the tensors t0 (three blocks), t1, t2 (averaged) that begins with a file of them.
struct Begun {
  TemporaryDirectory folder{FastFolder()};
  std::shared_ptr<const ShardJob> job;

  explicit Begun(std::vector<NamedTensor> tensors,
                 const std::map<std::string, std::string>& map = {}) {
    JobSpec spec = MakeJob("job", {kLarge, 4, 3}, OptimizerSpec::Kind::kAdam, 2)->spec;
    spec.init.safetensors = folder.path() + "/w.safetensors";
    spec.init.map = map;
    REQUIRE(WriteFileAtomically(spec.init.safetensors, SafetensorsOf(tensors)).ok());
    job = std::make_shared<const ShardJob>("job", spec);
  }
  BlockRange all() const { return {0, job->grid.blocks()}; }
};

std::vector<NamedTensor> GoodTensors() {
  return {{"second", {4}, FloatBytes(Counting(4, -2))},
          {"t2", {3}, FloatBytes(Counting(3, 50))},
          {"t0", {kLarge}, FloatBytes(Counting(kLarge, 7))}};
}

TEST_CASE("every shard reads its own blocks of the file, at step 0 and without states") {
  const Begun begun(GoodTensors(), {{"t1", "second"}});
  const auto some = ReadFirstWeights(*begun.job, {1, 4});
  REQUIRE(some.ok());
  CHECK(some->is_first);
  CHECK(some->parts.empty());
  REQUIRE(some->blocks.size() == 3);
  const std::vector<float> large = Counting(kLarge, 7);
  for (const uint64_t block : {1, 2}) {
    const BlockSnapshot& snapshot = some->blocks[block - 1];
    CHECK(snapshot.block == block);
    CHECK(snapshot.version == 0);
    CHECK(snapshot.state1 == nullptr);
    const uint64_t first = block * kBlockFloats;
    const std::vector<float> expected(
        large.begin() + static_cast<int64_t>(first),
        large.begin() + static_cast<int64_t>(first + snapshot.floats));
    CHECK(std::vector<float>(snapshot.weights.get(), snapshot.weights.get() + snapshot.floats) ==
          expected);
  }
  CHECK(some->blocks[2].weights.get()[3] == 1);
}

TEST_CASE("a shard serves the file's weights as step 0, and stores them as its first checkpoint") {
  const Begun begun(GoodTensors(), {{"t1", "second"}});
  ShardRoom room;
  const auto shard = room.MakeShard(begun.job, 0, begun.all());
  shard->Adopt(MakePlan(1), 0);
  room.Settle();
  pb::PullHeader header;
  SetHistory(MakePlan(1), &header);
  header.set_plan(1);
  header.set_block_end(begun.job->grid.blocks());
  std::optional<absl::StatusOr<Payload>> answer;
  shard->Pull(header, [&](absl::StatusOr<Payload> reply) { answer = std::move(reply); });
  REQUIRE(answer.has_value());
  REQUIRE(answer->ok());
  std::vector<float> expected = Counting(kLarge, 7);
  for (const auto& more : {Counting(4, -2), Counting(3, 50)}) {
    expected.insert(expected.end(), more.begin(), more.end());
  }
  expected.resize(ToFloats(**answer).size(), 0.0f);  // the metrics
  CHECK(ToFloats(**answer) == expected);
  REQUIRE(room.stored().size() == 1);
  CHECK(room.stored()[0].step() == 0);
}

TEST_CASE("a file of another model is refused with all that differs") {
  const Begun begun(
      {{"t0", {kLarge}, FloatBytes(Counting(kLarge, 7))}, {"t2", {1, 3}, FloatBytes({1, 2, 3})}});
  const auto read = ReadFirstWeights(*begun.job, begun.all());
  CHECK(absl::IsInvalidArgument(read.status()));
  const std::string message(read.status().message());
  CHECK(message.find("the file has no tensor 't1'") != std::string::npos);
  CHECK(message.find("found shape [1, 3]; expected [3]") != std::string::npos);
}

TEST_CASE("a value that is not finite is refused with its place") {
  std::vector<NamedTensor> tensors = GoodTensors();
  std::vector<float> values = Counting(kLarge, 7);
  values[kBlockFloats + 9] = std::numeric_limits<float>::quiet_NaN();
  tensors[2].bytes = FloatBytes(values);
  const Begun begun(tensors, {{"t1", "second"}});
  const auto read = ReadFirstWeights(*begun.job, begun.all());
  CHECK(absl::IsInvalidArgument(read.status()));
  CHECK(std::string(read.status().message()).find("tensor 't0': value 16393: found nan") !=
        std::string::npos);
}

TEST_CASE("a file that this host does not have is said to be missing") {
  const Begun begun(GoodTensors());
  std::filesystem::remove(begun.job->spec.init.safetensors);
  CHECK(absl::IsNotFound(ReadFirstWeights(*begun.job, begun.all()).status()));
}

}  // namespace
}  // namespace paracord
