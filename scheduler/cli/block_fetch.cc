#include "scheduler/cli/block_fetch.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>

#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/job/history.h"

namespace paracord {
namespace {

constexpr uint64_t kPieceBlocks = (4u << 20) / (kBlockFloats * sizeof(float));

// Shared with the callbacks, which may outlive the caller's interest.
struct Gathering {
  Mutex mutex;
  CondVar changed;
  size_t open ABSL_GUARDED_BY(mutex) = 0;
  absl::Status error ABSL_GUARDED_BY(mutex);
  FetchedBlocks arrived ABSL_GUARDED_BY(mutex);

  void Take(uint64_t block, uint64_t bytes, absl::StatusOr<Payload> reply) {
    MutexLock lock(mutex);
    --open;
    if (reply.ok() && reply->size() == bytes) {
      arrived[block] = *std::move(reply);
    } else {
      const absl::Status status =
          reply.ok() ? absl::InternalError(absl::StrCat("a server answered ", reply->size(),
                                                        " bytes for blocks of ", bytes))
                     : reply.status();
      if (error.ok() || (absl::IsOutOfRange(status) && !absl::IsOutOfRange(error))) error = status;
    }
    changed.NotifyAll();
  }
};

void AppendPieces(const BlockRange& tensor_blocks, uint32_t tensor, const pb::Plan& plan,
                  std::vector<WeightsPiece>* pieces) {
  for (int i = 0; i < plan.shards_size(); ++i) {
    const uint64_t begin = std::max(tensor_blocks.begin, plan.shards(i).block_begin());
    const uint64_t end = std::min(tensor_blocks.end, plan.shards(i).block_end());
    for (uint64_t at = begin; at < end; at += kPieceBlocks) {
      const BlockRange blocks{at, std::min(at + kPieceBlocks, end)};
      pieces->push_back({tensor, static_cast<uint32_t>(i), blocks});
    }
  }
}

}  // namespace

std::vector<WeightsPiece> PiecesOf(const BlockGrid& grid, const pb::Plan& plan) {
  std::vector<uint32_t> order(grid.tensors().size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return grid.tensors()[a].name < grid.tensors()[b].name;
  });
  std::vector<WeightsPiece> pieces;
  for (const uint32_t tensor : order) {
    if (grid.tensors()[tensor].kind == TensorKind::kSum) continue;
    AppendPieces(grid.BlocksOf(tensor), tensor, plan, &pieces);
  }
  return pieces;
}

absl::Status FetchBlocks(const BlockGrid& grid, const pb::Plan& plan, uint64_t version,
                         const std::vector<WeightsPiece>& pieces,
                         const std::function<Shard&(uint32_t)>& shard_of, TimePoint until,
                         FetchedBlocks* got) {
  auto gathering = std::make_shared<Gathering>();
  std::vector<const WeightsPiece*> missing;
  for (const WeightsPiece& piece : pieces) {
    if (!got->contains(piece.blocks.begin)) missing.push_back(&piece);
  }
  {
    MutexLock lock(gathering->mutex);
    gathering->open = missing.size();
  }
  for (const WeightsPiece* piece : missing) {
    pb::PullHeader header;
    SetHistory(plan, &header);
    header.set_shard(plan.shards(static_cast<int>(piece->shard)).index());
    header.set_version(version);
    header.set_block_begin(piece->blocks.begin);
    header.set_block_end(piece->blocks.end);
    const uint64_t bytes = grid.Floats(piece->blocks) * sizeof(float);
    shard_of(piece->shard)
        .Pull(header,
              [gathering, block = piece->blocks.begin, bytes](absl::StatusOr<Payload> reply) {
                gathering->Take(block, bytes, std::move(reply));
              });
  }
  MutexLock lock(gathering->mutex);
  bool in_time = true;
  while (gathering->open > 0 && in_time && !absl::IsOutOfRange(gathering->error)) {
    in_time = gathering->changed.WaitUntil(gathering->mutex, until);
  }
  got->merge(gathering->arrived);
  if (!gathering->error.ok()) return gathering->error;
  if (gathering->open > 0) return absl::DeadlineExceededError("no answer from the servers in time");
  return absl::OkStatus();
}

}  // namespace paracord
