#include "server/push_check.h"

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/job/sampler.h"
#include "server/consistency.h"

namespace paracord {
namespace {

// A step of the job, and one that the block can be at.
absl::Status CheckStep(const ShardJob& job, const BlockStore& store, const pb::PushHeader& header,
                       uint64_t block) {
  const bool sum = job.grid.kind(block) == TensorKind::kSum;
  const uint64_t last = sum ? header.total_steps() + 1 : header.total_steps();
  if (header.step() >= last) {
    return absl::InvalidArgumentError(absl::StrCat("found step ", header.step(), " for block ",
                                                   block, ", expected less than ", last));
  }
  const bool early = BulkSynchronous::ForPush(header.step(), store.version(block)) ==
                     BulkSynchronous::Push::kTooEarly;
  if (!early || header.minibatch()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("found step ", header.step(), " for block ", block,
                                                 " at version ", store.version(block)));
}

// Minibatches that travel as one sum count as one: a block that has a part of it could do nothing
// right.
absl::Status CheckWhole(const ShardJob& job, const BlockStore& store, const pb::PushHeader& header,
                        uint64_t block) {
  if (!header.minibatch() || job.grid.kind(block) == TensorKind::kSum) return absl::OkStatus();
  const TreeNode node{header.node_begin(), header.node_end()};
  const uint32_t has = store.CountOf(block, header.step(), node);
  if (has == 0 || has == node.leaves()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("found virtual workers [", node.begin, ", ", node.end, ") of step ",
                   header.step(), " as one sum; block ", block, " has ", has, " of them already"));
}

}  // namespace

absl::Status CheckBlocks(BlockRange range, uint64_t begin, uint64_t end) {
  if (begin < end && range.begin <= begin && end <= range.end) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("found blocks [", begin, ", ", end,
                                                 "), expected some of [", range.begin, ", ",
                                                 range.end, ")"));
}

absl::Status CheckPush(const ShardJob& job, const BlockStore& store, uint64_t total_steps,
                       const pb::PushHeader& header, size_t bytes) {
  if (header.plan() == 0) return absl::InvalidArgumentError("a push needs a plan's number");
  RETURN_IF_ERROR(CheckBlocks(store.range(), header.block_begin(), header.block_end()));
  const BlockRange blocks{header.block_begin(), header.block_end()};
  const uint64_t expected = job.grid.Floats(blocks) * sizeof(float);
  if (bytes != expected) {
    return absl::InvalidArgumentError(absl::StrCat("found ", bytes, " bytes for blocks [",
                                                   blocks.begin, ", ", blocks.end, "), expected ",
                                                   expected));
  }
  const TreeNode node{header.node_begin(), header.node_end()};
  if (!job.tree.IsNode(node)) {
    return absl::InvalidArgumentError(absl::StrCat("virtual workers [", node.begin, ", ", node.end,
                                                   ") are no node of the tree over ",
                                                   job.tree.leaves()));
  }
  if (header.total_steps() == 0 || (total_steps != 0 && header.total_steps() != total_steps)) {
    return absl::InvalidArgumentError(
        absl::StrCat("found a job of ", header.total_steps(), " steps, expected ", total_steps));
  }
  if (header.samples() > kMostSamples) {
    return absl::InvalidArgumentError(absl::StrCat(
        "found ", header.samples(), " training samples, expected at most ", kMostSamples));
  }
  for (uint64_t block = blocks.begin; block < blocks.end; ++block) {
    RETURN_IF_ERROR(CheckStep(job, store, header, block));
    RETURN_IF_ERROR(CheckWhole(job, store, header, block));
  }
  return absl::OkStatus();
}

}  // namespace paracord
