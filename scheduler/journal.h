// What must survive the scheduler: jobs with their plans, and the cluster's own few words. A write
// has returned when it is on the disk; only then may anybody be shown what it says. One thread at a
// time.   [door: RocksDB]
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/storage.pb.h"

namespace paracord {

class Journal {
 public:
  struct Contents {
    std::optional<pb::ClusterRecord> cluster;  // none: a fresh journal
    std::vector<pb::JobRecord> jobs;
  };

  virtual ~Journal() = default;
  // DataLoss: a record cannot be read; names its key.
  virtual absl::StatusOr<Contents> Load() = 0;
  virtual absl::Status Write(const pb::ClusterRecord& cluster) = 0;
  virtual absl::Status Write(const pb::JobRecord& job) = 0;
};

// In DIRECTORY/journal, created if need be. FailedPrecondition: another process has it open.
absl::StatusOr<std::unique_ptr<Journal>> OpenJournal(const std::string& directory);

}  // namespace paracord
