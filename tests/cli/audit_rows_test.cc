#include "scheduler/cli/audit_rows.h"

#include <catch2/catch.hpp>

#include "common/job/key_range.h"

namespace paracord {
namespace {

// Three steps of 4 samples of 10 in the first epoch, one in the second; tensors "w" and "b", one
// block each, then the metrics.
JobSpec Spec() {
  return ParseJobOrStatus(R"(name: j
seed: 1
model: {input: [2], layers: [{linear: 3}], loss: softmax_cross_entropy}
data: {train: {format: synthetic, samples: 10, features: 2, classes: 3, seed: 1}}
train: {steps: 4, batch_size: 4, virtual_workers: 2, optimizer: {kind: sgd, lr: 0.1}}
)",
                          "/")
      .value();
}

pb::Plan PlanOf(const std::vector<std::pair<uint64_t, uint64_t>>& shards) {
  pb::Plan plan;
  for (const auto& [begin, end] : shards) {
    pb::ShardRange* range = plan.add_shards();
    range->set_block_begin(begin);
    range->set_block_end(end);
  }
  return plan;
}

struct Epoch {
  uint64_t applied = 0, repeated = 0;
};
pb::QueryReply Reply(uint64_t samples, const std::vector<Epoch>& epochs) {
  pb::QueryReply reply;
  reply.set_samples(samples);
  for (size_t i = 0; i < epochs.size(); ++i) {
    pb::EpochTally* tally = reply.add_epochs();
    tally->set_epoch(i);
    tally->set_applied(epochs[i].applied);
    tally->set_repeated(epochs[i].repeated);
  }
  return reply;
}

// "epoch expected applied repeated missing", one after the other.
std::vector<std::vector<uint64_t>> Rows(const pb::Plan& plan,
                                        const std::vector<pb::QueryReply>& replies) {
  std::vector<std::vector<uint64_t>> out;
  const auto rows = AuditRows(Spec(), plan, replies);
  for (const AuditRow& row : *rows) {
    out.push_back({row.epoch, row.expected, row.applied, row.repeated, row.missing});
  }
  return out;
}
using Table = std::vector<std::vector<uint64_t>>;

TEST_CASE("an audit shows each epoch that the job has, also those that have not begun") {
  CHECK(Rows(PlanOf({{0, 3}}), {Reply(10, {{10, 0}, {4, 0}})}) ==
        Table{{0, 10, 10, 0, 0}, {1, 4, 4, 0, 0}});
  CHECK(Rows(PlanOf({{0, 3}}), {Reply(10, {{6, 0}})}) == Table{{0, 10, 6, 0, 4}, {1, 4, 0, 0, 4}});
}

TEST_CASE("a sample counts as applied when every shard has it, as repeated when one has it twice") {
  CHECK(
      Rows(PlanOf({{0, 1}, {1, 3}}), {Reply(10, {{10, 2}, {4, 0}}), Reply(10, {{8, 0}, {4, 0}})}) ==
      Table{{0, 10, 8, 2, 2}, {1, 4, 4, 0, 0}});
}

TEST_CASE("shards without weights have no say, and those that know no samples do not matter") {
  CHECK(Rows(PlanOf({{0, 2}, {2, 3}, {3, 3}}),
             {Reply(10, {{10, 0}, {4, 0}}), Reply(0, {}), Reply(10, {})}) ==
        Table{{0, 10, 10, 0, 0}, {1, 4, 4, 0, 0}});
}

TEST_CASE("before anybody knows the data there is nothing to show") {
  CHECK(Rows(PlanOf({{0, 3}}), {Reply(0, {})}).empty());
}

TEST_CASE("servers that speak of different data are not believed") {
  const auto rows = AuditRows(Spec(), PlanOf({{0, 1}, {1, 3}}), {Reply(10, {}), Reply(11, {})});
  CHECK(absl::IsDataLoss(rows.status()));
  const auto vast = AuditRows(Spec(), PlanOf({{0, 3}}), {Reply(UINT64_MAX, {})});
  CHECK(absl::IsDataLoss(vast.status()));
}

TEST_CASE("an epoch that the job does not have is passed over") {
  CHECK(Rows(PlanOf({{0, 3}}), {Reply(10, {{10, 0}, {4, 0}, {9, 9}})}).size() == 2);
}

}  // namespace
}  // namespace paracord
