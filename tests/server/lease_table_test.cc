#include "server/lease_table.h"

#include <catch2/catch.hpp>
#include <set>
#include <vector>

namespace paracord {
namespace {

pb::LeaseRequest Request(uint32_t rank, uint64_t number, uint32_t most, uint64_t until) {
  pb::LeaseRequest request;
  request.set_rank(rank);
  request.set_number(number);
  request.set_most(most);
  request.set_until(until);
  return request;
}

// A plan that begins with steps 2 and 3 touched, over four slices: of these 8, 10 and 13 are done.
pb::LeaseRequest First(uint32_t most, uint64_t until) {
  pb::LeaseRequest request = Request(0, 1, most, until);
  request.set_version(2);
  request.set_touched(4);
  for (const uint64_t done : {8, 10, 13}) request.add_done(done);
  return request;
}

// Of a plan of so many tasks.
std::set<uint32_t> Ranks(uint32_t tasks) {
  std::set<uint32_t> ranks;
  for (uint32_t rank = 0; rank < tasks; ++rank) ranks.insert(rank);
  return ranks;
}

std::vector<TreeNode> Sums(const pb::LeaseReply& reply) {
  std::vector<TreeNode> out;
  for (const auto& sum : reply.sums()) out.push_back({sum.begin(), sum.end()});
  return out;
}
using Nodes = std::vector<TreeNode>;

TEST_CASE(
    "of steps that somebody has touched minibatches are leased one by one, the oldest first") {
  LeaseTable table(ReductionTree(4));
  table.Reset(Ranks(2));
  const pb::LeaseReply a = table.Take(First(3, 10)).value();
  CHECK(a.step() == 2);
  CHECK(Sums(a) == Nodes{{1, 2}, {3, 4}});
  const pb::LeaseReply b = table.Take(Request(1, 1, 2, 10)).value();
  CHECK(b.step() == 3);
  CHECK(Sums(b) == Nodes{{0, 1}, {2, 3}});
  CHECK(Sums(table.Take(Request(1, 1, 2, 10)).value()) == Sums(b));  // asked again
  CHECK(Sums(table.Take(Request(0, 2, 2, 10)).value()) == Nodes{{3, 4}});
  CHECK(Sums(table.Take(Request(0, 3, 2, 4)).value()).empty());  // nothing left before step 4
  table.Reset(Ranks(2));
  CHECK(Sums(table.Take(First(3, 10)).value()) == Nodes{{1, 2}, {3, 4}});
}

TEST_CASE("of an untouched step a task gets its share at once, as the fewest nodes of the tree") {
  for (const auto& [count, first, second, third] :
       std::vector<std::tuple<uint32_t, Nodes, Nodes, Nodes>>{
           {1, {{0, 7}}, {{0, 7}}, {{0, 7}}},
           {2, {{0, 4}}, {{4, 7}}, {{0, 4}}},
           {3, {{0, 2}, {2, 3}}, {{3, 4}, {4, 6}}, {{6, 7}}},
           {7, {{0, 1}}, {{1, 2}}, {{2, 3}}}}) {
    const uint32_t tasks = count;
    CAPTURE(tasks);
    LeaseTable table(ReductionTree(7));
    table.Reset(Ranks(tasks));
    const auto ask = [&](uint32_t i) {
      return Sums(table.Take(Request(i % tasks, i / tasks + 1, 1, 10)).value());
    };
    CHECK(ask(0) == first);
    CHECK(ask(1) == second);
    CHECK(ask(2) == third);
  }
}

TEST_CASE("a task that computes more side by side than its share gets as many as that") {
  LeaseTable table(ReductionTree(8));
  table.Reset(Ranks(8));
  CHECK(Sums(table.Take(Request(0, 1, 4, 10)).value()) == Nodes{{0, 4}});
  CHECK(Sums(table.Take(Request(1, 1, 6, 10)).value()) == Nodes{{4, 8}});
}

TEST_CASE("every minibatch is leased once, whoever asks for how much") {
  LeaseTable table(ReductionTree(4));
  table.Reset(Ranks(3));
  std::vector<int> times(10 * 4, 0);
  CHECK(Sums(table.Take(First(1, 10)).value()) == Nodes{{1, 2}});
  ++times[9];
  for (const uint64_t done : {8, 10, 13}) ++times[done];
  for (uint64_t number = 2;; ++number) {
    const pb::LeaseReply reply = table.Take(Request(0, number, 1 + number % 3, 10)).value();
    if (reply.sums().empty()) break;
    for (const TreeNode& node : Sums(reply)) {
      for (uint32_t slice = node.begin; slice < node.end; ++slice) {
        ++times[reply.step() * 4 + slice];
      }
    }
  }
  for (uint64_t m = 0; m < times.size(); ++m) {
    CAPTURE(m);
    CHECK(times[m] == (m < 8 ? 0 : 1));
  }
}

TEST_CASE("a request that cannot be is refused and changes nothing") {
  LeaseTable table(ReductionTree(4));
  table.Reset(Ranks(1));
  const auto refused = [&](const pb::LeaseRequest& request) {
    return absl::IsInvalidArgument(table.Take(request).status());
  };
  CHECK(refused(Request(1, 1, 2, 10)));  // the plan has no such rank
  CHECK(refused(Request(0, 9, 2, 10)));  // not the first
  CHECK(refused(Request(0, 0, 2, 10)));
  CHECK(refused(Request(0, 1, 0, 10)));  // of nothing
  pb::LeaseRequest request = First(1, 10);
  request.add_done(13);  // not ascending
  CHECK(refused(request));
  request = First(1, 10);
  request.set_done(0, 7);  // before the version
  CHECK(refused(request));
  request = First(1, 10);
  request.add_done(16);  // of a step that nobody has touched
  CHECK(refused(request));
  request = First(1, 10);
  request.set_version(UINT64_MAX);
  CHECK(refused(request));
  CHECK(refused(Request(0, 1, 1, UINT64_MAX)));
  CHECK(Sums(table.Take(First(1, 10)).value()) == Nodes{{1, 2}});
}

}  // namespace
}  // namespace paracord
