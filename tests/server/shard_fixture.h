// A shard with its database, budget and clock by hand, and what a test asks of it. For the tests of
// parameter_shard.
#pragma once

#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <vector>

#include "server/parameter_shard.h"
#include "tests/server/plain_loop.h"
#include "tests/server/shard_room.h"

namespace paracord {

using Kind = OptimizerSpec::Kind;
constexpr uint64_t kSteps = 4;

// One shard that holds a whole job of blocks 0, 1 (trained), 2 (averaged), 3 (metrics), four
// virtual workers. Everything runs on this thread but the disk.
struct ShardFixture {
  ShardRoom room;
  std::shared_ptr<const ShardJob> job;
  BlockRange all{0, job->grid.blocks()};
  PlainLoop truth{*job, kSteps};
  std::shared_ptr<ParameterShard> shard;

  explicit ShardFixture(uint64_t budget = 1 << 20, bool skips_nonfinite = false)
      : room(budget), job(MakeJob("job", {6, 4, 3}, Kind::kMomentum, 4, skips_nonfinite)) {
    Start(1);
  }

  void Start(uint64_t plan) {
    shard = room.MakeShard(job, 0, all);
    Adopt(MakePlan(plan));
  }
  void Adopt(const pb::Plan& plan) {
    shard->Adopt(plan);
    room.Settle();
  }

  pb::PushHeader Header(uint64_t step, TreeNode node, BlockRange blocks, uint64_t plan = 1) const {
    pb::PushHeader header;
    header.set_plan(plan);
    header.set_step(step);
    header.set_total_steps(kSteps);
    header.set_node_begin(node.begin);
    header.set_node_end(node.end);
    header.set_block_begin(blocks.begin);
    header.set_block_end(blocks.end);
    return header;
  }
  Payload Sums(uint64_t step, TreeNode node, BlockRange blocks) const {
    Payload out;
    for (uint64_t b = blocks.begin; b < blocks.end; ++b) {
      out.Append(OwnedPayload(CanonicalSum(
          node, [&](uint32_t slice) { return LeafOf(*job, step, slice, b, truth.At(step, b)); })));
    }
    return out;
  }
  absl::Status Send(const pb::PushHeader& header, const Payload& floats) {
    std::optional<absl::Status> answer;
    shard->Push(header, floats, [&answer](const auto& reply) { answer = reply.status(); });
    return answer.value();  // at once
  }
  absl::Status Push(uint64_t step, TreeNode node, BlockRange blocks, uint64_t plan = 1) {
    return Send(Header(step, node, blocks, plan), Sums(step, node, blocks));
  }
  absl::Status PushWholeStep(uint64_t step, uint64_t plan = 1) {
    return Push(step, {0, 4}, step < kSteps ? all : BlockRange{3, 4}, plan);
  }

  // What is written here when the answer comes; empty while the pull is parked.
  using Answer = std::shared_ptr<std::optional<absl::StatusOr<Payload>>>;
  Answer Pull(uint64_t version, BlockRange blocks, uint64_t plan = 1, uint64_t history = 0) {
    pb::PullHeader header;
    SetHistory(MakePlan(plan), &header);
    header.set_history(history);
    header.set_plan(plan);
    header.set_version(version);
    header.set_block_begin(blocks.begin);
    header.set_block_end(blocks.end);
    auto answer = std::make_shared<std::optional<absl::StatusOr<Payload>>>();
    shard->Pull(header, [answer](absl::StatusOr<Payload> reply) { *answer = std::move(reply); });
    return answer;
  }
  absl::StatusOr<uint64_t> Version(uint64_t plan = 1) {
    absl::StatusOr<uint64_t> version = absl::UnknownError("no answer");
    pb::QueryRequest request;
    request.set_plan(plan);
    shard->Query(request, [&](const absl::StatusOr<pb::QueryReply>& reply) {
      if (reply.ok()) {
        version = reply->version();
      } else {
        version = reply.status();
      }
    });
    return version;
  }
  bool Holds(uint64_t version, BlockRange blocks, uint64_t plan = 1) {
    const Answer answer = Pull(version, blocks, plan);
    if (!answer->has_value() || !(*answer)->ok()) return false;
    std::vector<float> expected;
    for (uint64_t b = blocks.begin; b < blocks.end; ++b) {
      const std::vector<float>& part = truth.At(version, b);
      expected.insert(expected.end(), part.begin(), part.end());
    }
    return SameBits(ToFloats(***answer), expected);
  }
  // Everything a refused push must leave as it was.
  std::string State() {
    std::string out;
    for (uint64_t b = all.begin; b < all.end; ++b) {
      for (uint64_t version = 0; version <= kSteps + 1; ++version) {
        const Answer answer = Pull(version, {b, b + 1});
        out += !answer->has_value() ? 'p' : (*answer)->ok() ? 'o' : 'x';
      }
    }
    return out;
  }
};

// A server that is not there.
struct AwayShard : Shard {
  int asked = 0;
  void Push(const pb::PushHeader&, Payload, Callback<Payload> done) override { Refuse(done); }
  void Pull(const pb::PullHeader&, Callback<Payload> done) override { Refuse(done); }
  void Query(const pb::QueryRequest&, Callback<pb::QueryReply> done) override { Refuse(done); }
  void Lease(const pb::LeaseRequest&, Callback<pb::LeaseReply> done) override { Refuse(done); }
  void Norm(const pb::NormRequest&, Callback<pb::NormReply> done) override { Refuse(done); }

 private:
  template <class Done>
  void Refuse(const Done& done) {
    ++asked;
    done(absl::UnavailableError("away"));
  }
};

inline absl::StatusCode CodeOf(const ShardFixture::Answer& answer) {
  return answer->has_value() ? (*answer)->status().code() : absl::StatusCode::kUnknown;
}

}  // namespace paracord
