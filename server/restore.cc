#include "server/restore.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "common/base/log.h"
#include "common/base/status.h"
#include "common/job/history.h"
#include "server/checkpoint_copy.h"
#include "server/copy_check.h"
#include "server/first_weights.h"

namespace paracord {
namespace {

std::optional<StoredGeneration> Furthest(const BlockDb& db, const pb::Plan& plan,
                                         BlockRange range) {
  std::optional<StoredGeneration> furthest;
  const auto progress = [](const StoredGeneration& stored) {
    return std::make_tuple(stored.record.step(), stored.record.ahead(),
                           stored.record.stopped() > 0);
  };
  for (StoredGeneration& stored : db.List()) {
    const bool ours = SameHistory(stored.record, plan) &&
                      stored.record.block_begin() == range.begin &&
                      stored.record.block_end() == range.end;
    if (ours && (!furthest.has_value() || progress(stored) > progress(*furthest))) {
      furthest = std::move(stored);
    }
  }
  return furthest;
}

absl::Status AddPart(const BlockDb& db, const StoredGeneration& part, BlockRange range,
                     const BlockGrid& grid, Restored* restored) {
  ASSIGN_OR_RETURN(std::vector<BlockSnapshot> blocks, db.Load(part, range, grid));
  std::move(blocks.begin(), blocks.end(), std::back_inserter(restored->blocks));
  restored->parts.push_back(part.record);
  return absl::OkStatus();
}

bool IsPiece(const pb::GenerationRecord& record, const pb::Origin& origin,
             const pb::StoredShard& piece) {
  return SameHistory(record, origin) && record.step() == origin.step() &&
         record.block_begin() == piece.block_begin() && record.block_end() == piece.block_end();
}

// From this disk, else from the server that has it.
absl::Status AddPiece(BlockDb& db, const PeerServers& connect, const pb::Origin& origin,
                      const pb::StoredShard& piece, BlockRange part, const BlockGrid& grid,
                      Restored* restored) {
  const auto stored = db.FindHash(piece.hash());
  if (stored.has_value() && IsPiece(stored->record, origin, piece)) {
    return AddPart(db, *stored, part, grid, restored);
  }
  if (connect == nullptr || piece.address().empty()) {
    return absl::DataLossError(absl::StrCat("blocks [", part.begin, ", ", part.end, ") of step ",
                                            origin.step(), " are not on this disk"));
  }
  ASSIGN_OR_RETURN(const auto fetched,
                   FetchedGeneration::Fetch(*connect(piece.address()), piece, db.PassingFolder()));
  ASSIGN_OR_RETURN(const auto reader, GenerationReader::Open(fetched->folder()));
  if (!IsPiece(reader->record(), origin, piece)) {
    return absl::DataLossError(absl::StrCat(piece.server(), " sent another part than wanted"));
  }
  ASSIGN_OR_RETURN(std::vector<BlockSnapshot> blocks, reader->Blocks(part, grid));
  std::move(blocks.begin(), blocks.end(), std::back_inserter(restored->blocks));
  restored->parts.push_back(reader->record());
  return absl::OkStatus();
}

absl::StatusOr<Restored> LoadPieces(BlockDb& db, const PeerServers& connect,
                                    const pb::Origin& origin, BlockRange range,
                                    const BlockGrid& grid) {
  Restored restored;
  uint64_t next = range.begin;
  for (const pb::StoredShard& piece : origin.pieces()) {
    const BlockRange part{std::max<uint64_t>(range.begin, piece.block_begin()),
                          std::min<uint64_t>(range.end, piece.block_end())};
    if (part.begin >= part.end) continue;
    if (part.begin != next) break;
    RETURN_IF_ERROR(AddPiece(db, connect, origin, piece, part, grid, &restored));
    next = part.end;
  }
  if (next == range.end) return restored;
  return absl::DataLossError(
      absl::StrCat("the checkpoint of step ", origin.step(), " does not have block ", next));
}

absl::StatusOr<Restored> LoadCopy(const pb::Plan& plan, BlockRange range, const ShardJob& job) {
  const pb::Origin& origin = plan.origin();
  const bool own = origin.job() == plan.job();
  if (!own) RETURN_IF_ERROR(CheckCopySuits(origin.directory(), job.spec));
  auto restored = ReadCopy(origin.directory(), range, job.grid);
  if (absl::IsNotFound(restored.status()) && own) {
    return absl::UnavailableError(restored.status().message());  // the folder may be away
  }
  RETURN_IF_ERROR(restored.status());
  for (const pb::GenerationRecord& part : restored->parts) {
    if (!own || (SameHistory(part, origin) && part.step() == origin.step())) continue;
    return absl::UnavailableError(absl::StrCat(origin.directory(), ": is a copy of step ",
                                               part.step(), " of ", part.job(), ", history ",
                                               part.history(), " of cluster ", part.cluster()));
  }
  return restored;
}

// From the servers' disks if it can be, else from the copy.
absl::StatusOr<Restored> LoadOrigin(BlockDb& db, const PeerServers& connect, const pb::Plan& plan,
                                    BlockRange range, const ShardJob& job) {
  const pb::Origin& origin = plan.origin();
  auto restored = LoadPieces(db, connect, origin, range, job.grid);
  if (restored.ok() || origin.directory().empty()) return restored;
  if (!origin.pieces().empty()) {
    LogWarning("reading the copy of step ", origin.step(), ", as ", restored.status().message());
  }
  return LoadCopy(plan, range, job);
}

}  // namespace

uint64_t Restored::samples() const {
  uint64_t samples = 0;
  for (const pb::GenerationRecord& part : parts) {
    samples = std::max<uint64_t>(samples, part.samples());
  }
  return samples;
}

uint64_t Restored::touched() const {
  uint64_t touched = 0;
  for (const pb::GenerationRecord& part : parts) {
    touched = std::max<uint64_t>(touched, part.touched());
  }
  return touched;
}

bool HasOwn(const BlockDb& db, const pb::Plan& plan, BlockRange range) {
  return Furthest(db, plan, range).has_value();
}

absl::StatusOr<std::optional<Restored>> LoadHistory(BlockDb& db, const PeerServers& connect,
                                                    const pb::Plan& plan, BlockRange range,
                                                    const ShardJob& job, Unreadable* unreadable) {
  if (const auto furthest = Furthest(db, plan, range); furthest.has_value()) {
    *unreadable = {plan.history(), furthest->record.step(), furthest->hash};
    Restored restored;
    RETURN_IF_ERROR(AddPart(db, *furthest, range, job.grid, &restored));
    return restored;
  }
  if (!plan.has_origin() && job.spec.init.safetensors.empty()) return std::nullopt;
  if (!plan.has_origin()) return ReadFirstWeights(job, range);
  // What the job was told to begin with has nothing before it.
  if (plan.origin().job() == plan.job()) {
    *unreadable = {plan.origin().history(), plan.origin().step(), ""};
  }
  ASSIGN_OR_RETURN(Restored restored, LoadOrigin(db, connect, plan, range, job));
  RETURN_IF_ERROR(CheckSettings(restored.parts, job.spec));
  return restored;
}

}  // namespace paracord
