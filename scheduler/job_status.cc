#include "scheduler/job_status.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/job/sampler.h"
#include "common/rpc/consistency_message.h"
#include "scheduler/compute_class.h"
#include "scheduler/plan_tasks.h"

namespace paracord {
namespace {

constexpr uint64_t kMaxEpochs = 100;

// Samples of the epochs that have begun, the last ones of them.
void ShowSamples(const Job& job, pb::JobStatus& status) {
  const uint64_t samples = job.record.train_samples();
  if (samples == 0 || status.steps() == 0) return;
  const Sampler sampler(job.spec.seed, samples, job.spec.batch_size, job.spec.virtual_workers);
  const uint64_t step = std::min(status.step(), status.steps());
  status.set_epoch(sampler.EpochOf(step));
  if (step == 0) return;
  const uint64_t last = sampler.EpochOf(step - 1);
  for (uint64_t epoch = last < kMaxEpochs ? 0 : last - kMaxEpochs + 1; epoch <= last; ++epoch) {
    pb::EpochSamples* shown = status.add_samples();
    shown->set_epoch(epoch);
    shown->set_expected(sampler.Applied(epoch, status.steps()));
    shown->set_applied(sampler.Applied(epoch, step));
  }
}

void ShowServers(const Job& job, const Membership& members, pb::JobStatus& status) {
  for (const pb::ShardRange& shard : job.plan().shards()) {
    pb::ServerStatus* shown = status.add_servers();
    shown->set_id(shard.server());
    shown->set_address(shard.address());
    const KnownMember* server = members.Find(shard.server());
    if (server == nullptr || !server->ready()) continue;
    shown->set_address(server->who.address());
    shown->set_pid(server->who.pid());
    if (const pb::ShardReport* report = server->FindShard(job.id(), shard.index())) {
      shown->set_bytes(report->bytes());
    }
  }
}

// What it computes on since its first start; before that what it asks for.
void ShowDevice(const Job& job, pb::JobStatus& status) {
  if (job.plan().number() > 0) {
    status.set_device(job.plan().compute().device());
    status.set_compute_class(BitsString(job.plan().compute()));
  } else {
    status.set_device(Name(job.needs.device()));
  }
}

// What is waited for, without the numbers behind it.
std::string Subject(const pb::Wait& wait) {
  return wait.who() + ": " + wait.what().substr(0, wait.what().find_first_of(",:(;"));
}

}  // namespace

pb::JobStatus ShowJob(const Job& job, const Membership& members, Moment now) {
  pb::JobStatus status = job.status();
  status.set_id(job.id());
  status.set_name(job.spec.name);
  status.set_plan(job.plan().number());
  status.set_history(job.plan().history());
  status.set_consistency(Name(job.plan().number() > 0 ? FromMessage(job.plan().consistency())
                                                      : job.needs.consistency()));
  status.set_backup(BackupCount(job.plan()));
  ShowDevice(job, status);
  status.set_steps(status.steps() == 0 ? job.spec.steps : job.last_step());
  ShowSamples(job, status);
  ShowServers(job, members, status);
  if (job.record.started_unix_ms() > 0) {
    const int64_t end = job.ended() ? job.record.ended_unix_ms() : now.unix_ms;
    status.set_wall_seconds(
        static_cast<double>(std::max<int64_t>(0, end - job.record.started_unix_ms())) / 1000);
  }
  for (const pb::Wait& wait : job.waits) *status.add_waits() = wait;
  for (const auto& [rank, wait] : job.task_waits) *status.add_waits() = wait;
  return status;
}

pb::Plan ShowPlan(const Job& job, const Membership& members) {
  pb::Plan plan = job.plan();
  for (pb::ShardRange& shard : *plan.mutable_shards()) {
    const KnownMember* server = members.Find(shard.server());
    if (server != nullptr && server->ready()) shard.set_address(server->who.address());
  }
  return plan;
}

std::vector<pb::Wait> MergeWaits(const std::vector<pb::Wait>& before, std::vector<pb::Wait> fresh,
                                 Moment now) {
  for (pb::Wait& wait : fresh) {
    wait.set_since_unix_ms(now.unix_ms);
    for (const pb::Wait& old : before) {
      if (Subject(old) == Subject(wait)) wait.set_since_unix_ms(old.since_unix_ms());
    }
  }
  return fresh;
}

}  // namespace paracord
