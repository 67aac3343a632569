// A journal in memory: its store outlives the scheduler that writes it, as a disk does. It can be
// told to fail.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "scheduler/journal.h"

namespace paracord {

class MemoryJournal : public Journal {
 public:
  struct Store {
    std::string cluster;
    std::map<std::string, std::string> jobs;  // as bytes: what was not serialized is not there
    int writes = 0;
    bool failing = false;
  };

  explicit MemoryJournal(std::shared_ptr<Store> store) : store_(std::move(store)) {}

  absl::StatusOr<Contents> Load() override {
    Contents contents;
    if (!store_->cluster.empty()) contents.cluster.emplace().ParseFromString(store_->cluster);
    for (const auto& [id, bytes] : store_->jobs)
      contents.jobs.emplace_back().ParseFromString(bytes);
    return contents;
  }
  absl::Status Write(const pb::ClusterRecord& cluster) override {
    if (store_->failing) return absl::InternalError("disk full");
    store_->cluster = cluster.SerializeAsString();
    ++store_->writes;
    return absl::OkStatus();
  }
  absl::Status Write(const pb::JobRecord& job) override {
    if (store_->failing) return absl::InternalError("disk full");
    store_->jobs[job.job().id()] = job.SerializeAsString();
    ++store_->writes;
    return absl::OkStatus();
  }

 private:
  std::shared_ptr<Store> store_;
};

}  // namespace paracord
