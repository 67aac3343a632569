#include "scheduler/cli/weights_reader.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/job/job_spec.h"
#include "common/rpc/wait.h"
#include "scheduler/cli/job_json.h"

namespace paracord {
namespace {

// What a server cannot answer now it may answer when it is back, has its plan, or has stored what
// it holds.
bool MayPass(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsFailedPrecondition(status) || absl::IsCancelled(status) ||
         absl::IsNotFound(status) || absl::IsResourceExhausted(status);
}

std::string StoredSteps(const pb::JobStatus& status) {
  std::string text;
  for (const pb::StoredStep& stored : status.checkpoints()) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", stored.step());
  }
  return text.empty() ? "none" : text;
}

// Null: it is not stored, or damaged.
const pb::StoredStep* FindStored(const pb::JobStatus& status, uint64_t step) {
  const pb::StoredStep* found = nullptr;
  for (const pb::StoredStep& stored : status.checkpoints()) {
    if (stored.step() == step && stored.damage().empty()) found = &stored;
  }
  return found;
}

absl::Status NoSuchStep(const pb::JobStatus& status, const std::string& what) {
  return absl::OutOfRangeError(absl::StrCat(status.id(), " is ", pb::JobState_Name(status.state()),
                                            " at step ", status.step(), ": ", what,
                                            "; stored steps: ", StoredSteps(status)));
}

absl::StatusOr<std::optional<WeightsTarget>> ChooseOfEnded(const pb::JobStatus& status,
                                                           std::optional<uint64_t> step) {
  if (status.state() == pb::SUCCEEDED && step.value_or(status.step()) == status.step()) {
    return WeightsTarget{status.step(), true};
  }
  if (step.has_value()) return NoSuchStep(status, absl::StrCat("step ", *step, " is not stored"));
  uint64_t newest = 0;
  for (const pb::StoredStep& stored : status.checkpoints()) {
    if (stored.damage().empty()) newest = std::max(newest, stored.step());
  }
  if (status.checkpoints().empty()) return NoSuchStep(status, "it left no weights");
  return WeightsTarget{newest, true};
}

WeightsVersion DescribeVersion(const std::string& job, uint64_t step, const BlockGrid& grid,
                               const std::vector<WeightsPiece>& pieces) {
  WeightsVersion version{job, step, {}};
  std::optional<uint32_t> last;
  for (const WeightsPiece& piece : pieces) {
    if (piece.tensor != last) version.tensors.push_back(grid.tensors()[piece.tensor]);
    last = piece.tensor;
  }
  return version;
}

}  // namespace

absl::StatusOr<std::optional<WeightsTarget>> ChooseTarget(const pb::JobStatus& status,
                                                          std::optional<uint64_t> step) {
  if (step.has_value() && FindStored(status, *step) != nullptr) return WeightsTarget{*step, true};
  if (step.has_value() && status.steps() > 0 && *step > status.steps()) {
    return NoSuchStep(status,
                      absl::StrCat("step ", *step, " is beyond its last one, ", status.steps()));
  }
  if (HasEnded(status.state())) return ChooseOfEnded(status, step);
  if (step.has_value()) return WeightsTarget{*step, false};
  return std::nullopt;
}

absl::StatusOr<uint64_t> WeightsReader::Read(std::optional<uint64_t> step, TimePoint until,
                                             WeightsSink& sink) {
  while (true) {
    RETURN_IF_ERROR(Refresh(until));
    const absl::Status status = Attempt(step, until, sink);
    if (status.ok()) return version_;
    if (absl::IsAborted(status)) {  // gone: aim further ahead, at once
      NextMargin();
    } else if (!MayPass(status)) {
      return status;
    } else {
      margin_ = 0;
      Pause();
    }
    if (Clock::now() >= until) {
      return absl::DeadlineExceededError(
          absl::StrCat("could not read the weights of ", job_, " in time: ", Describe(status)));
    }
  }
}

absl::Status WeightsReader::Refresh(TimePoint until) {
  const uint64_t history = reply_.plan().history();
  ASSIGN_OR_RETURN(reply_, scheduler_.GetJob(job_, until));
  if (reply_.plan().history() != history) fetched_.clear();
  if (grid_ != nullptr) return absl::OkStatus();
  auto spec = ParseJobOrStatus(reply_.job().yaml(), reply_.job().directory());
  if (!spec.ok())
    return absl::DataLossError(absl::StrCat("the job's own file: ", spec.status().message()));
  grid_ = std::make_unique<BlockGrid>(GridOf(*spec));
  return absl::OkStatus();
}

absl::Status WeightsReader::Attempt(std::optional<uint64_t> step, TimePoint until,
                                    WeightsSink& sink) {
  ASSIGN_OR_RETURN(std::optional<WeightsTarget> target, ChooseTarget(reply_.status(), step));
  if (reply_.plan().shards().empty()) {
    return absl::UnavailableError(absl::StrCat(job_, " has not started yet"));
  }
  stored_ = target.has_value() && target->stored;
  if (stored_) {
    version_ = target->version;
    fetched_.clear();
    return ReadStored(until, sink);
  }
  uint64_t aim = 0;
  if (target.has_value()) {
    aim = target->version;
  } else {
    ASSIGN_OR_RETURN(const uint64_t newest, NewestVersion());
    const uint64_t last = reply_.status().steps();
    aim = last > 0 ? std::min(newest + margin_, last) : newest + margin_;
  }
  if (aim != version_) fetched_.clear();
  version_ = aim;
  const absl::Status status = ReadLive(until, sink);
  if (!absl::IsOutOfRange(status)) return status;
  fetched_.clear();
  return step.has_value() ? Gone(*step) : absl::AbortedError(std::string(status.message()));
}

absl::Status WeightsReader::Gone(uint64_t step) const {
  // The scheduler hears of steps a little later than they happen; while it counts the step as still
  // to come, or as just made, the job may be storing it.
  if (step >= reply_.status().step()) {
    return absl::UnavailableError(absl::StrCat("step ", step, " is gone from the servers' memory"));
  }
  return NoSuchStep(reply_.status(),
                    absl::StrCat("step ", step, " is gone; ask for one ahead of it"));
}

absl::StatusOr<uint64_t> WeightsReader::NewestVersion() {
  uint64_t newest = 0;
  for (const pb::ShardRange& range : reply_.plan().shards()) {
    pb::QueryRequest request;
    request.set_job(reply_.plan().job());
    request.set_shard(range.index());
    ASSIGN_OR_RETURN(const pb::QueryReply answer, Await<pb::QueryReply>([&](auto done) {
                       ShardAt(range.address()).Query(request, std::move(done));
                     }));
    newest = std::max(newest, answer.version());
  }
  return newest;
}

absl::Status WeightsReader::ReadLive(TimePoint until, WeightsSink& sink) {
  const std::vector<WeightsPiece> pieces = PiecesOf(*grid_, reply_.plan());
  RETURN_IF_ERROR(Fetch(pieces, until));
  RETURN_IF_ERROR(sink.Begin(DescribeVersion(job_, version_, *grid_, pieces)));
  return Feed(pieces, sink);
}

absl::Status WeightsReader::ReadStored(TimePoint until, WeightsSink& sink) {
  const std::vector<WeightsPiece> pieces = PiecesOf(*grid_, reply_.plan());
  RETURN_IF_ERROR(sink.Begin(DescribeVersion(job_, version_, *grid_, pieces)));
  for (size_t begin = 0, end = 0; begin < pieces.size(); begin = end) {
    while (end < pieces.size() && pieces[end].tensor == pieces[begin].tensor) ++end;
    const std::vector<WeightsPiece> tensor(pieces.begin() + begin, pieces.begin() + end);
    absl::Status status = Fetch(tensor, until);
    while (MayPass(status) && Clock::now() < until) {
      Pause();
      RETURN_IF_ERROR(Refresh(until));
      status = Fetch(tensor, until);
    }
    // The sink has begun: nobody may start again.
    if (MayPass(status)) {
      return absl::DeadlineExceededError(std::string(status.message()));
    }
    RETURN_IF_ERROR(status);
    RETURN_IF_ERROR(Feed(tensor, sink));
  }
  return absl::OkStatus();
}

absl::Status WeightsReader::Fetch(const std::vector<WeightsPiece>& pieces, TimePoint until) {
  const auto shard_of = [this](uint32_t index) -> Shard& {
    return ShardAt(reply_.plan().shards(static_cast<int>(index)).address());
  };
  pb::Plan plan = reply_.plan();
  const pb::StoredStep* stored = stored_ ? FindStored(reply_.status(), version_) : nullptr;
  if (stored != nullptr && stored->history() > 0) plan.set_history(stored->history());
  return FetchBlocks(*grid_, plan, version_, pieces, shard_of, until, &fetched_);
}

absl::Status WeightsReader::Feed(const std::vector<WeightsPiece>& pieces, WeightsSink& sink) {
  std::optional<uint32_t> last;
  for (const WeightsPiece& piece : pieces) {
    if (piece.tensor != last) RETURN_IF_ERROR(sink.BeginTensor(grid_->tensors()[piece.tensor]));
    last = piece.tensor;
    auto found = fetched_.extract(piece.blocks.begin);
    PARACORD_CHECK(!found.empty());
    RETURN_IF_ERROR(sink.Add(found.mapped()));
  }
  return absl::OkStatus();
}

Shard& WeightsReader::ShardAt(const std::string& address) {
  std::unique_ptr<Shard>& shard = shards_[address];
  if (shard == nullptr) shard = connect_(address);
  return *shard;
}

}  // namespace paracord
