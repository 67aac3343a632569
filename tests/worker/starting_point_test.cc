#include "worker/starting_point.h"

#include <catch2/catch.hpp>

namespace paracord {
namespace {

pb::QueryReply Reply(uint64_t version, uint64_t touched, std::vector<uint64_t> done = {}) {
  pb::QueryReply reply;
  reply.set_version(version);
  reply.set_touched(touched);
  reply.mutable_done()->Add(done.begin(), done.end());
  return reply;
}

TEST_CASE("a task begins at the lowest version; done is what every shard has") {
  // Four slices: 8 .. 11 are step 2's.
  const StartingPoint start =
      StartOf({Reply(2, 4, {8, 9, 13}), Reply(3, 4, {13, 14}), Reply(2, 3, {9, 10, 13})}, 4);
  CHECK(start.version == 2);
  CHECK(start.touched == 4);
  CHECK(start.done == std::vector<uint64_t>{9, 13});
}

TEST_CASE("where no step was touched nothing is done, however far some shards are") {
  const StartingPoint start = StartOf({Reply(7, 3), Reply(8, 0)}, 1000);
  CHECK(start.version == 7);
  CHECK(start.touched == 3);
  CHECK(start.done.empty());
}

TEST_CASE("of a step that bsp has finished in some shards alone nothing is told as done") {
  const StartingPoint start = StartOf({Reply(5, 6, {20, 21}), Reply(7, 0), Reply(7, 0)}, 4);
  CHECK(start.version == 5);
  CHECK(start.done == std::vector<uint64_t>{20, 21});
}

TEST_CASE("a shard's answer that cannot be is told as such") {
  CHECK(CheckReply(Reply(11, 11), 4, 10).ok());  // metrics of the last evaluation
  CHECK(absl::IsInternal(CheckReply(Reply(12, 0), 4, 10)));
  CHECK(absl::IsInternal(CheckReply(Reply(0, 12), 4, 10)));
  CHECK(absl::IsInternal(CheckReply(Reply(2, 3, {7}), 4, 10)));
  CHECK(absl::IsInternal(CheckReply(Reply(2, 3, {9, 9}), 4, 10)));
  CHECK(absl::IsInternal(CheckReply(Reply(2, 3, {44}), 4, 10)));
  CHECK(CheckReply(Reply(2, 3, {8, 43}), 4, 10).ok());
}

}  // namespace
}  // namespace paracord
