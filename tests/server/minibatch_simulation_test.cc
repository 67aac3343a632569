#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/rpc/consistency_message.h"
#include "server/lease_table.h"
#include "tests/server/shard_room.h"

namespace paracord {
namespace {

constexpr uint32_t kSlices = 5;
constexpr uint64_t kSamples = 14, kTotalSteps = 6;  // two epochs of batches of 6, 6, 2
constexpr uint64_t kMinibatches = kTotalSteps * kSlices;
constexpr uint32_t kShards = 2, kTasks = 3;
constexpr int kMostEvents = 4000;

std::shared_ptr<const ShardJob> CountingJob(const std::string& id) {
  JobSpec spec =
      MakeJob(id, {kMinibatches, kMinibatches, 2}, OptimizerSpec::Kind::kSgd, kSlices)->spec;
  spec.optimizer.lr = kSlices;  // so that a minibatch's share is 1
  spec.batch_size = 6;
  spec.epochs = 2;
  return std::make_shared<const ShardJob>(id, spec);
}

// Two shards and some tasks that lease minibatches and push them, with messages that are late,
// doubled and of dead plans, plans that come at any moment, and servers that stop and return. The
// gradient of minibatch m is 1 at float m, so the weights count how often each was applied, alone
// or in a sum.
class MinibatchSimulation {
 public:
  MinibatchSimulation(ShardRoom& room, const std::string& id, uint64_t seed)
      : room_(room), job_(CountingJob(id)), random_(seed) {
    for (uint32_t i = 0; i < kShards; ++i) shards_.push_back(room_.MakeShard(job_, i, Blocks(i)));
    Publish();
    first_ = Weights();
  }

  // Empty: all went well.
  std::string Run() {
    for (int i = 0; i < kMostEvents && !done(); ++i) {
      Event();
      if (std::string wrong = Check(); !wrong.empty())
        return absl::StrCat("event ", i, ": ", wrong);
    }
    if (!done()) return "it never ended";
    const pb::QueryReply audit = Ask(0, true);
    for (const pb::EpochTally& tally : audit.epochs()) {
      if (tally.repeated() != 0 || tally.lost() != 0 || tally.applied() != kSamples) {
        return absl::StrCat("epoch ", tally.epoch(), ": ", tally.DebugString());
      }
    }
    if (sums_ == 0) return "no sums were drawn";
    return audit.epochs_size() == 2 ? "" : "not two epochs";
  }

 private:
  struct Message {
    uint32_t shard;
    pb::PushHeader header;
  };

  static BlockRange Blocks(uint32_t shard) {
    return shard == 0 ? BlockRange{0, 1} : BlockRange{1, 4};
  }
  uint64_t Draw(uint64_t below) { return random_() % below; }
  bool done() {
    return Ask(1, false).version() >= kTotalSteps && Ask(0, false).version() == kTotalSteps &&
           LastMetrics();
  }

  void Event() {
    const uint64_t what = Draw(1000);
    if (what < 200) return Lease();
    if (what < 940) return Deliver();
    if (what < 985) return Read();
    if (what < 995) return Publish();
    Restart();
  }

  // A new plan: every task begins anew; what is under way is of a dead plan.
  void Publish() {
    plan_ = MakePlan(plan_.number() + 1);
    plan_.set_job(job_->id);
    rule_ = Draw(2) == 0
                ? ConsistencySpec{ConsistencySpec::Mode::kAsync}
                : ConsistencySpec{ConsistencySpec::Mode::kSsp, static_cast<uint32_t>(Draw(3))};
    *plan_.mutable_consistency() = ToMessage(rule_);
    for (uint32_t rank = 0; rank < kTasks; ++rank) plan_.add_tasks()->set_rank(rank);
    for (uint32_t i = 0; i < kShards; ++i) {
      shards_[i]->Adopt(plan_);
      room_.Settle();
    }
    numbers_.clear();
    start_ = pb::LeaseRequest();
    const pb::QueryReply a = Ask(0, false), b = Ask(1, false);
    start_.set_version(std::min(a.version(), b.version()));
    start_.set_touched(std::max(a.touched(), b.touched()));
    const auto has = [](const pb::QueryReply& reply, uint64_t m) {
      return m < reply.version() * kSlices ||
             std::count(reply.done().begin(), reply.done().end(), m) > 0;
    };
    for (uint64_t m = start_.version() * kSlices; m < start_.touched() * kSlices; ++m) {
      if (has(a, m) && has(b, m)) start_.add_done(m);
    }
  }

  void Restart() {
    const uint32_t which = static_cast<uint32_t>(Draw(kShards));
    bool stopped = false;
    shards_[which]->StopAndStore(1, [&](const absl::Status& status) { stopped = status.ok(); });
    room_.Settle();
    if (!stopped) wrong_ = "a server did not stop in order";
    shards_[which] = room_.MakeShard(job_, which, Blocks(which));
    Publish();
  }

  void Lease() {
    const uint32_t rank = static_cast<uint32_t>(Draw(kTasks));
    pb::LeaseRequest request = start_;
    request.set_plan(plan_.number());
    request.set_rank(rank);
    request.set_number(++numbers_[rank]);
    request.set_most(static_cast<uint32_t>(1 + Draw(2)));
    request.set_until(kTotalSteps + 1);
    pb::LeaseReply first, again;
    for (pb::LeaseReply* reply : {&first, &again}) {
      shards_[0]->Lease(request, [&](const auto& r) { *reply = r.value(); });
    }
    if (first.SerializeAsString() != again.SerializeAsString()) wrong_ = "two answers to one lease";
    for (const pb::LeaseReply::Sum& sum : first.sums()) {
      for (uint32_t shard = 0; shard < kShards; ++shard) {
        if (first.step() < kTotalSteps || shard == 1) Send(shard, first.step(), sum);
      }
    }
  }

  void Send(uint32_t shard, uint64_t step, const pb::LeaseReply::Sum& sum) {
    pb::PushHeader header;
    header.set_plan(plan_.number());
    header.set_step(step);
    header.set_total_steps(kTotalSteps);
    header.set_samples(kSamples);
    header.set_node_begin(sum.begin());
    header.set_node_end(sum.end());
    header.set_block_begin(step < kTotalSteps ? Blocks(shard).begin : 3);
    header.set_block_end(Blocks(shard).end);
    header.set_minibatch(true);
    under_way_.push_back({shard, header});
    sums_ += sum.end() - sum.begin() > 1;
  }

  void Deliver() {
    if (under_way_.empty()) return;
    const size_t which = Draw(under_way_.size());
    const Message message = under_way_[which];
    const bool dead = message.header.plan() != plan_.number();
    if (dead || Draw(4) > 0)
      under_way_.erase(under_way_.begin() + static_cast<long>(which));  // else twice
    std::vector<float> floats;
    for (uint64_t b = message.header.block_begin(); b < message.header.block_end(); ++b) {
      std::vector<float> part(job_->grid.block(b).floats, 0.0f);
      const pb::PushHeader& header = message.header;
      const auto share = static_cast<float>(header.node_end() - header.node_begin());
      for (uint32_t slice = header.node_begin(); b < 2 && slice < header.node_end(); ++slice) {
        part[header.step() * kSlices + slice] = 1 / share;  // of their mean
      }
      floats.insert(floats.end(), part.begin(), part.end());
    }
    absl::Status status = absl::UnknownError("no answer");
    shards_[message.shard]->Push(message.header, OwnedPayload(floats),
                                 [&](const auto& reply) { status = reply.status(); });
    if (dead ? !absl::IsFailedPrecondition(status) : !status.ok()) {
      wrong_ = absl::StrCat("a push was answered ", status.ToString());
    }
  }

  // The newest for some step: answered just if it may lack what it lacks.
  void Read() {
    const uint32_t shard = static_cast<uint32_t>(Draw(kShards));
    pb::PullHeader header;
    header.set_plan(plan_.number());
    header.set_version(Draw(kTotalSteps + 1));
    header.set_newest(true);
    header.set_block_begin(Blocks(shard).begin);
    header.set_block_end(Blocks(shard).end);
    const uint64_t version = Ask(shard, false).version();
    bool answered = false;
    shards_[shard]->Pull(header, [&answered, here = alive_](const auto& reply) {
      if (*here) answered = reply.ok();
    });
    *alive_ = false;  // later answers are of no interest
    alive_ = std::make_shared<bool>(true);
    const uint64_t lacks = header.version() > version ? header.version() - version : 0;
    const bool bounded = rule_.mode == ConsistencySpec::Mode::kSsp;
    if (answered && bounded && lacks > rule_.staleness) wrong_ = "a read was too stale";
    if (!answered && lacks == 0) wrong_ = "a read that lacks nothing waits";
  }

  pb::QueryReply Ask(uint32_t shard, bool audit) {
    pb::QueryRequest request;
    request.set_audit(audit);
    pb::QueryReply out;
    shards_[shard]->Query(request, [&](const auto& reply) { out = reply.value(); });
    return out;
  }

  bool LastMetrics() {
    pb::PullHeader header;
    header.set_plan(plan_.number());
    header.set_version(kTotalSteps + 1);
    header.set_block_begin(3);
    header.set_block_end(4);
    bool there = false;
    shards_[1]->Pull(header, [&there, here = alive_](const auto& reply) {
      if (*here) there = reply.ok();
    });
    *alive_ = false;
    alive_ = std::make_shared<bool>(true);
    return there;
  }

  // Of both trained blocks.
  std::vector<std::vector<float>> Weights() {
    std::vector<std::vector<float>> out;
    for (uint32_t shard = 0; shard < kShards; ++shard) {
      pb::PullHeader header;
      header.set_plan(plan_.number());
      header.set_newest(true);
      header.set_block_begin(shard);
      header.set_block_end(shard + 1);
      shards_[shard]->Pull(header,
                           [&](const auto& reply) { out.push_back(ToFloats(reply.value())); });
    }
    return out;
  }

  // Nothing twice; all of the steps before a shard's version; done is what everybody has.
  std::string Check() {
    const auto now = Weights();
    for (uint32_t shard = 0; shard < kShards; ++shard) {
      const pb::QueryReply reply = Ask(shard, false);
      for (uint64_t m = 0; m < kMinibatches; ++m) {
        const double times = std::round(first_[shard][m] - now[shard][m]);
        const bool must = m < reply.version() * kSlices ||
                          std::count(reply.done().begin(), reply.done().end(), m) > 0;
        if (times > 1 || (must && times < 1)) {
          return absl::StrCat("shard ", shard, " applied minibatch ", m, " ", times, " times");
        }
      }
    }
    return wrong_;
  }

  ShardRoom& room_;
  const std::shared_ptr<const ShardJob> job_;
  std::mt19937_64 random_;
  std::vector<std::shared_ptr<ParameterShard>> shards_;
  pb::Plan plan_ = MakePlan(0);
  ConsistencySpec rule_;
  pb::LeaseRequest start_;
  std::map<uint32_t, uint64_t> numbers_;
  std::vector<Message> under_way_;
  int sums_ = 0;  // of several minibatches that were sent
  std::vector<std::vector<float>> first_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::string wrong_;
};

TEST_CASE("whatever comes late, twice or from a dead plan, each minibatch changes a block once") {
  ShardRoom room;
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    INFO("seed " << seed);
    MinibatchSimulation simulation(room, absl::StrCat("minibatches-", seed), seed);
    REQUIRE(simulation.Run() == "");
  }
}

}  // namespace
}  // namespace paracord
