#include "scheduler/job_table.h"

#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/base/daemon.h"
#include "common/base/status.h"

namespace paracord {
namespace {

constexpr Duration kProgressPeriod = seconds(1);
constexpr size_t kMaxYaml = 1 << 20;
constexpr size_t kMaxListed = 20;

// For ids, which are paths and keys elsewhere: a-z, 0-9, '-', '_', '.'.
std::string Plain(const std::string& name) {
  std::string plain = name.substr(0, 64);
  for (char& c : plain) {
    if ('A' <= c && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool good =
        ('a' <= c && c <= 'z') || ('0' <= c && c <= '9') || c == '-' || c == '_' || c == '.';
    if (!good) c = '-';
  }
  return plain;
}

void CountMemory(Job& job, Usage& usage) {
  for (const pb::ShardRange& shard : job.plan().shards()) {
    usage.memory[shard.server()] += job.needs.BytesOf({shard.block_begin(), shard.block_end()});
  }
}

void CountHeldMemory(const Job& job, Usage& usage) {
  for (const HeldShard& shard : job.held) {
    usage.memory[shard.server] += shard.bytes;
    usage.held[shard.server].push_back(job.id());
  }
}

void CountSlots(const Job& job, const Membership& members, Usage& usage) {
  const auto here = [&](const std::string& worker, uint64_t incarnation) {
    return members.PresenceOf(worker, incarnation) == Membership::Presence::kHere;
  };
  if (job.training()) {
    for (const pb::TaskSlot& slot : job.plan().tasks()) {
      if (job.NeedsSlot(slot) && here(slot.worker(), slot.worker_incarnation())) {
        usage.slots[PlaceOf(slot)].push_back(job.id());
      }
    }
  }
  for (const Leaving& leaving : job.leaving) {
    if (here(leaving.place.worker, leaving.worker_incarnation)) {
      usage.slots[leaving.place].push_back(job.id());
      ++usage.leaving[leaving.place];
    }
  }
}

}  // namespace

absl::StatusOr<JobTable> JobTable::Load(std::unique_ptr<Journal> journal) {
  auto contents = journal->Load();
  if (!contents.ok()) return contents.status();
  pb::ClusterRecord cluster;
  if (contents->cluster.has_value()) {
    cluster = *contents->cluster;
  } else {
    cluster.set_cluster(absl::StrFormat("%016x", RandomId()));
    cluster.set_next_order(1);
    RETURN_IF_ERROR(journal->Write(cluster));
  }
  JobTable table(std::move(journal), std::move(cluster));
  for (pb::JobRecord& record : contents->jobs) {
    const std::string id = record.job().id();
    auto job = Job::Make(std::move(record));
    if (!job.ok()) {
      return absl::DataLossError(
          absl::StrCat("the journal's record 'job/", id, "': ", job.status().message()));
    }
    table.by_id_[id] = job->get();
    if (!table.jobs_.emplace((*job)->record.order(), *std::move(job)).second) {
      return absl::DataLossError(absl::StrCat("the journal's record 'job/", id, "': order taken"));
    }
  }
  return table;
}

JobTable::JobTable(std::unique_ptr<Journal> journal, pb::ClusterRecord cluster)
    : journal_(std::move(journal)),
      cluster_(std::move(cluster)),
      draining_(cluster_.draining().begin(), cluster_.draining().end()) {}

absl::StatusOr<Job*> JobTable::Find(const std::string& id) const {
  if (Job* job = Get(id)) return job;
  std::vector<std::string> ids;
  for (auto it = jobs_.rbegin(); it != jobs_.rend() && ids.size() < kMaxListed; ++it) {
    ids.push_back(it->second->id());
  }
  return absl::NotFoundError(absl::StrCat(
      "no job '", id, "'; ",
      ids.empty() ? "there are none" : absl::StrCat("the newest are ", absl::StrJoin(ids, ", "))));
}

Job* JobTable::Get(const std::string& id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

absl::StatusOr<Job*> JobTable::Add(const pb::SubmitRequest& request, Moment now) {
  if (request.yaml().size() > kMaxYaml) {
    return absl::InvalidArgumentError(absl::StrCat("the job file has ", request.yaml().size(),
                                                   " bytes, at most ", kMaxYaml, " are read"));
  }
  pb::JobRecord record;
  record.mutable_job()->set_yaml(request.yaml());
  record.mutable_job()->set_directory(request.directory());
  record.mutable_status()->set_submitted_unix_ms(now.unix_ms);
  auto made = Job::Make(std::move(record));
  if (!made.ok()) return made.status();
  Job* job = made->get();
  const uint64_t order = cluster_.next_order();
  job->record.set_order(order);
  job->record.mutable_job()->set_id(absl::StrCat(Plain(job->spec.name), "-", order));
  job->Note("submitted", now);
  cluster_.set_next_order(order + 1);
  cluster_changed_ = true;
  by_id_[job->id()] = job;
  jobs_.emplace(order, *std::move(made));
  return job;
}

void JobTable::Remove(const Job* job) {
  by_id_.erase(job->id());
  jobs_.erase(job->record.order());
}

void JobTable::SetDraining(const std::string& worker, bool draining) {
  if (draining == IsDraining(worker)) return;
  if (draining) {
    draining_.insert(worker);
  } else {
    draining_.erase(worker);
  }
  cluster_.mutable_draining()->Assign(draining_.begin(), draining_.end());
  cluster_changed_ = true;
}

Usage JobTable::UsageOf(const Membership& members) const {
  Usage usage;
  for (const auto& [order, job] : jobs_) {
    if (job->running()) CountMemory(*job, usage);
    CountHeldMemory(*job, usage);
    CountSlots(*job, members, usage);
  }
  return usage;
}

absl::Status JobTable::Save(Moment now) {
  if (cluster_changed_) RETURN_IF_ERROR(journal_->Write(cluster_));
  cluster_changed_ = false;
  for (const auto& [order, job] : jobs_) {
    const bool due = job->progressed && now.at >= job->saved_at + kProgressPeriod;
    if (!job->must_save && !due) continue;
    RETURN_IF_ERROR(journal_->Write(job->record));
    job->must_save = job->progressed = false;
    job->saved_at = now.at;
  }
  return absl::OkStatus();
}

}  // namespace paracord
