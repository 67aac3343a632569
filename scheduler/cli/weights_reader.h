// Reads one whole version of a job's weights from its servers, from outside the job.
//
// A version that is stored does not change: it is read tensor by tensor, each piece again when a
// server was away. The versions of a running job live for about two steps: all pulls for one of
// them are parked at the servers before it exists, so that every block is answered as it is made;
// if some block was gone already, the next try aims further ahead (0, 1, 2, 4, ... 64 steps), until
// it catches the job. Blocks; one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/job/key_range.h"
#include "common/rpc/shard.h"
#include "scheduler/cli/block_fetch.h"
#include "scheduler/cli/scheduler_client.h"

namespace paracord {

struct WeightsVersion {
  std::string job;
  uint64_t step = 0;
  std::vector<TensorSpec> tensors;  // trained and averaged ones, in name order (bytewise)
};

// Takes a version: Begin once, then each tensor's name and its floats, in pieces, in order. An
// error ends the reading.
class WeightsSink {
 public:
  virtual ~WeightsSink() = default;
  virtual absl::Status Begin(const WeightsVersion& version) { return absl::OkStatus(); }
  virtual absl::Status BeginTensor(const TensorSpec& tensor) = 0;
  virtual absl::Status Add(const Payload& floats) = 0;
};

// Where a version is to be found: from storage, or from a job that runs.
struct WeightsTarget {
  uint64_t version = 0;
  bool stored = false;
};
// What to read for `step` (or, without one, the newest there is). Nothing: a running job's newest,
// which only its servers know. OutOfRange: there is no such step; the message lists those there
// are.
absl::StatusOr<std::optional<WeightsTarget>> ChooseTarget(const pb::JobStatus& status,
                                                          std::optional<uint64_t> step);

class WeightsReader {
 public:
  using Connect = std::function<std::unique_ptr<Shard>(const std::string& address)>;
  WeightsReader(SchedulerClient& scheduler, Connect connect, std::string job)
      : scheduler_(scheduler), connect_(std::move(connect)), job_(std::move(job)) {}

  // Hands the version to `sink` and returns its step. NotFound: no such job. OutOfRange: no such
  // step. DeadlineExceeded: `until` has come; the message has the last obstacle.
  absl::StatusOr<uint64_t> Read(std::optional<uint64_t> step, TimePoint until, WeightsSink& sink);

 private:
  absl::Status Refresh(TimePoint until);  // asks the scheduler for job, plan, addresses
  absl::Status Attempt(std::optional<uint64_t> step, TimePoint until, WeightsSink& sink);
  absl::Status ReadStored(TimePoint until, WeightsSink& sink);
  absl::Status ReadLive(TimePoint until, WeightsSink& sink);
  absl::Status Fetch(const std::vector<WeightsPiece>& pieces, TimePoint until);
  absl::Status Feed(const std::vector<WeightsPiece>& pieces, WeightsSink& sink);
  absl::StatusOr<uint64_t> NewestVersion();  // the highest that any server has
  absl::Status Gone(uint64_t step) const;    // what OutOfRange means for a step that was asked for
  void NextMargin() { margin_ = std::min<uint64_t>(margin_ == 0 ? 1 : margin_ * 2, 64); }
  Shard& ShardAt(const std::string& address);

  SchedulerClient& scheduler_;
  const Connect connect_;
  const std::string job_;
  pb::GetJobReply reply_;
  std::unique_ptr<BlockGrid> grid_;
  std::map<std::string, std::unique_ptr<Shard>> shards_;  // by address
  uint64_t version_ = 0;                                  // aimed at
  bool stored_ = false;                                   // it is read from storage
  uint64_t margin_ = 0;  // how far ahead of the newest version to aim
  FetchedBlocks fetched_;
};

}  // namespace paracord
