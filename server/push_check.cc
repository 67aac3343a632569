#include "server/push_check.h"

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/job/sampler.h"
#include "server/consistency.h"

namespace paracord {

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
  if (header.minibatch() && node.leaves() != 1) {
    return absl::InvalidArgumentError(absl::StrCat("found virtual workers [", node.begin, ", ",
                                                   node.end, "), expected one: a minibatch"));
  }
  for (uint64_t block = blocks.begin; block < blocks.end; ++block) {
    const uint64_t last =
        job.grid.kind(block) == TensorKind::kSum ? header.total_steps() + 1 : header.total_steps();
    if (header.step() >= last) {
      return absl::InvalidArgumentError(absl::StrCat("found step ", header.step(), " for block ",
                                                     block, ", expected less than ", last));
    }
    if (header.minibatch()) continue;  // may be early
    if (BulkSynchronous::ForPush(header.step(), store.version(block)) ==
        BulkSynchronous::Push::kTooEarly) {
      return absl::InvalidArgumentError(absl::StrCat("found step ", header.step(), " for block ",
                                                     block, " at version ", store.version(block)));
    }
  }
  return absl::OkStatus();
}

}  // namespace paracord
