#include "scheduler/watch_list.h"

#include <algorithm>
#include <utility>

#include "common/base/sha256.h"
#include "common/base/status.h"

namespace paracord {
namespace {

constexpr Duration kPatience = seconds(10);
constexpr int64_t kClosedMs = 60'000;  // how long servers are told to free a closed job's memory

bool ConcernsServer(const Job& job, const pb::WatchRequest& asker, Moment now) {
  const bool closed = job.ended() && job.plan().phase() == pb::Plan::CLOSED &&
                      now.unix_ms < job.record.ended_unix_ms() + kClosedMs;
  if (!job.running() && !closed) return false;
  const auto& shards = job.plan().shards();
  return std::any_of(shards.begin(), shards.end(), [&](const pb::ShardRange& shard) {
    return shard.server() == asker.name() && shard.incarnation() == asker.incarnation();
  });
}

bool ConcernsWorker(const Job& job, const pb::WatchRequest& asker) {
  if (!job.training()) return false;
  const auto& tasks = job.plan().tasks();
  return std::any_of(tasks.begin(), tasks.end(), [&](const pb::TaskSlot& slot) {
    return slot.worker() == asker.name() && slot.worker_incarnation() == asker.incarnation();
  });
}

absl::StatusOr<std::vector<const Job*>> JobsFor(const JobTable& table, const Membership& members,
                                                const pb::WatchRequest& asker, Moment now) {
  std::vector<const Job*> jobs;
  if (!asker.job().empty()) {
    auto job = table.Find(asker.job());
    if (!job.ok()) return job.status();
    if ((*job)->plan().number() > 0) jobs.push_back(*job);
    return jobs;
  }
  const KnownMember* member = members.Find(asker.name());
  if (member == nullptr || !member->ready() || member->who.incarnation() != asker.incarnation()) {
    return absl::NotFoundError(absl::StrCat(asker.name(), " is not a member now; join again"));
  }
  const bool server = member->who.role() == pb::SERVER;
  for (const auto& [order, job] : table.jobs()) {
    if (server ? ConcernsServer(*job, asker, now) : ConcernsWorker(*job, asker)) {
      jobs.push_back(job.get());
    }
  }
  return jobs;
}

// Never 0, which says "none yet".
uint64_t Revision(const std::vector<const Job*>& jobs) {
  Sha256 digest;
  for (const Job* job : jobs) {
    const std::string key =
        absl::StrCat(job->id(), " ", job->plan().number(), " ", job->record.save_at(), "\n");
    digest.Add(key.data(), key.size());
  }
  return std::stoull(digest.Hex().substr(0, 15), nullptr, 16) + 1;
}

pb::WatchReply MakeReply(const std::vector<const Job*>& jobs) {
  pb::WatchReply reply;
  reply.set_revision(Revision(jobs));
  for (const Job* job : jobs) {
    pb::Assignment* assignment = reply.add_assignments();
    *assignment->mutable_job() = job->record.job();
    *assignment->mutable_plan() = job->plan();
    assignment->set_save_at(job->record.save_at());
  }
  return reply;
}

}  // namespace

absl::StatusOr<pb::WatchReply> AnswerWatch(const JobTable& table, const Membership& members,
                                           const pb::WatchRequest& request, Moment now) {
  const auto jobs = JobsFor(table, members, request, now);
  if (!jobs.ok()) return jobs.status();
  return MakeReply(*jobs);
}

void WatchList::Park(const pb::WatchRequest& request, Callback<pb::WatchReply> done, Moment now) {
  parked_.push_back({request, std::move(done), now.at + kPatience});
}

void WatchList::Flush(const JobTable& table, const Membership& members, Moment now) {
  for (auto it = parked_.begin(); it != parked_.end();) {
    const auto jobs = JobsFor(table, members, it->request, now);
    if (jobs.ok() && now.at < it->until && Revision(*jobs) == it->request.revision()) {
      ++it;
      continue;
    }
    it->done(jobs.ok() ? absl::StatusOr<pb::WatchReply>(MakeReply(*jobs)) : jobs.status());
    it = parked_.erase(it);
  }
}

void WatchList::Close(const absl::Status& why) {
  for (Parked& parked : parked_) parked.done(why);
  parked_.clear();
}

size_t WatchList::CountOf(const std::string& name, uint64_t incarnation) const {
  return static_cast<size_t>(
      std::count_if(parked_.begin(), parked_.end(), [&](const Parked& parked) {
        return parked.request.name() == name && parked.request.incarnation() == incarnation;
      }));
}

}  // namespace paracord
