// All jobs, in the order in which they were submitted, the workers that are out of use, and the
// journal of both. Not thread-safe: lives on the cluster's strand.
//
// Every change is made in memory first and journaled by Save before the caller shows it to anybody.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "scheduler/job.h"
#include "scheduler/journal.h"
#include "scheduler/membership.h"
#include "scheduler/resources.h"

namespace paracord {

class JobTable {
 public:
  // DataLoss: the journal holds what cannot be; names the key.
  static absl::StatusOr<JobTable> Load(std::unique_ptr<Journal> journal);

  const std::string& cluster() const { return cluster_.cluster(); }
  const std::map<uint64_t, std::unique_ptr<Job>>& jobs() const { return jobs_; }
  // NotFound: the message lists the jobs there are.
  absl::StatusOr<Job*> Find(const std::string& id) const;
  // Null: no such job.
  Job* Get(const std::string& id) const;
  // A new PENDING job; not journaled yet. InvalidArgument: all errors of the job file.
  absl::StatusOr<Job*> Add(const pb::SubmitRequest& request, Moment now);
  // Takes back what Add made last.
  void Remove(const Job* job);
  // Names of workers that get no new task.
  const std::set<std::string>& draining() const { return draining_; }
  bool IsDraining(const std::string& worker) const { return draining_.count(worker) > 0; }
  void SetDraining(const std::string& worker, bool draining);
  // Slots and memory that running jobs hold, slots whose old processes may still live, and memory
  // that servers have not freed yet.
  Usage UsageOf(const Membership& members) const;
  // Writes what must survive, and once a second what a restart may find a little old.
  absl::Status Save(Moment now);

 private:
  JobTable(std::unique_ptr<Journal> journal, pb::ClusterRecord cluster);

  std::unique_ptr<Journal> journal_;
  pb::ClusterRecord cluster_;
  bool cluster_changed_ = false;
  std::set<std::string> draining_;  // as in `cluster_`
  std::map<uint64_t, std::unique_ptr<Job>> jobs_;
  std::map<std::string, Job*> by_id_;
};

}  // namespace paracord
