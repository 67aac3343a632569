#include "scheduler/cluster.h"

#include <algorithm>
#include <utility>

#include "common/base/log.h"
#include "common/base/status.h"
#include "scheduler/checkpoints.h"
#include "scheduler/drain.h"
#include "scheduler/gpu_needs.h"
#include "scheduler/job_settings.h"
#include "scheduler/job_status.h"
#include "scheduler/origin.h"
#include "scheduler/reconcile.h"
#include "scheduler/recovery.h"
#include "scheduler/shard_reports.h"
#include "scheduler/task_reports.h"

namespace paracord {
namespace {

constexpr Duration kTick = milliseconds(100);
constexpr int kTicksALease = 4;

int64_t Milliseconds(Duration duration) {
  return std::chrono::duration_cast<milliseconds>(duration).count();
}

// A worker's GPUs, and how many tasks it has on them and in all.
void ShowPlaces(const KnownMember& member, const Usage& usage, pb::Node* node) {
  const auto tasks_at = [&](const Place& place) {
    const auto taken = usage.slots.find(place);
    return taken == usage.slots.end() ? 0 : static_cast<uint32_t>(taken->second.size());
  };
  node->set_tasks(tasks_at({member.name()}));
  for (const pb::Gpu& known : member.who.gpus()) {
    pb::Gpu* gpu = node->add_gpus();
    *gpu = known;
    gpu->set_tasks(tasks_at({member.name(), known.index()}));
    node->set_tasks(node->tasks() + gpu->tasks());
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Cluster>> Cluster::Open(ClusterOptions options,
                                                       std::unique_ptr<Journal> journal,
                                                       Timer& timer) {
  auto jobs = JobTable::Load(std::move(journal));
  if (!jobs.ok()) return jobs.status();
  return std::unique_ptr<Cluster>(new Cluster(std::move(options), *std::move(jobs), timer));
}

Cluster::Cluster(ClusterOptions options, JobTable jobs, Timer& timer)
    : options_(std::move(options)),
      timer_(timer),
      jobs_(std::move(jobs)),
      members_(options_.lease, options_.heartbeat, Now()),
      ticker_(timer, std::min<Duration>(kTick, options_.lease / kTicksALease),
              [this] { strand_.Post([this, asked = Now()] { Tick(asked); }); }) {
  self_.set_id("scheduler");
  self_.set_role(pb::SCHEDULER);
  self_.set_state(Name(KnownMember::State::kReady));
}

Cluster::~Cluster() { Stop(); }

void Cluster::SetSelf(const std::string& address, int64_t pid) {
  strand_.Post([this, address, pid] {
    self_.set_address(address);
    self_.set_pid(pid);
  });
}

void Cluster::Stop() {
  strand_.Post([this] {
    if (broken_.ok()) broken_ = absl::UnavailableError("the scheduler is stopping");
    watches_.Close(broken_);
  });
}

Moment Cluster::Now() const { return {timer_.Now(), options_.unix_ms()}; }

template <class Reply>
void Cluster::Run(std::function<absl::StatusOr<Reply>(Moment)> handler, Callback<Reply> done) {
  strand_.Post([this, handler = std::move(handler), done = std::move(done)] {
    if (!broken_.ok()) return done(broken_);
    const Moment now = Now();
    absl::StatusOr<Reply> reply = handler(now);
    Settle(now);
    done(broken_.ok() ? std::move(reply) : broken_);
  });
}

void Cluster::Tick(Moment asked) {
  if (!broken_.ok()) return;
  members_.Tick(asked);
  Settle(Now());
}

void Cluster::Cut(const std::string& name, uint64_t incarnation) {
  strand_.Post([this, name, incarnation, at = timer_.Now()] {
    // Of two calls that wait the newer one has a connection: this is the end of an older one.
    if (watches_.CountOf(name, incarnation) < 2) members_.Cut(name, incarnation, at);
  });
}

void Cluster::Settle(Moment now) {
  Reconcile(Look(now));
  if (const absl::Status saved = jobs_.Save(now); !saved.ok()) {
    broken_ = absl::UnavailableError(absl::StrCat(
        "the scheduler cannot write its journal and decides nothing: ", saved.message()));
    LogError(broken_.message());
    watches_.Close(broken_);
    options_.on_broken(broken_);
    return;
  }
  watches_.Flush(jobs_, members_, now);
}

void Cluster::Join(const pb::JoinRequest& request, Callback<pb::JoinReply> done) {
  Run<pb::JoinReply>(
      [this, request, arrived = Now()](Moment) { return HandleJoin(request, arrived); },
      std::move(done));
}

absl::StatusOr<pb::JoinReply> Cluster::HandleJoin(const pb::JoinRequest& request, Moment arrived) {
  RETURN_IF_ERROR(members_.Join(request, arrived));
  LogInfo(request.name(), " joined from ", request.address(), " (pid ", request.pid(), ")");
  pb::JoinReply reply;
  reply.set_cluster(jobs_.cluster());
  reply.set_lease_ms(Milliseconds(options_.lease));
  reply.set_heartbeat_ms(Milliseconds(options_.heartbeat));
  return reply;
}

void Cluster::Heartbeat(const pb::HeartbeatRequest& request, Callback<pb::HeartbeatReply> done) {
  Run<pb::HeartbeatReply>([this, request, arrived = Now()](
                              Moment now) { return HandleHeartbeat(request, arrived, now); },
                          std::move(done));
}

absl::StatusOr<pb::HeartbeatReply> Cluster::HandleHeartbeat(const pb::HeartbeatRequest& request,
                                                            Moment arrived, Moment now) {
  RETURN_IF_ERROR(members_.Heartbeat(request, arrived));
  const KnownMember& member = *members_.Find(request.name());
  for (const pb::TaskProcess& process : request.tasks()) {
    if (Job* job = jobs_.Get(process.job())) TakeTaskProcess(*job, process, member, now);
  }
  for (const auto& [order, job] : jobs_.jobs()) {
    TakeSlotsBack(*job, member);
    if (request.leaving()) TakeLeavingServer(*job, member, now);
  }
  if (request.leaving()) LogInfo(request.name(), " left");
  // As of what is journaled already: Settle comes after this.
  return Unneeded(jobs_, request);
}

void Cluster::Watch(const pb::WatchRequest& request, Callback<pb::WatchReply> done) {
  strand_.Post([this, request, done = std::move(done)]() mutable {
    if (!broken_.ok()) return done(broken_);
    const Moment now = Now();
    members_.Mend(request.name(), request.incarnation());
    auto reply = AnswerWatch(jobs_, members_, request, now);
    if (!reply.ok() || reply->revision() != request.revision()) return done(std::move(reply));
    watches_.Park(request, std::move(done), now);
  });
}

void Cluster::ReportTask(const pb::TaskReport& request, Callback<pb::TaskReportReply> done) {
  Run<pb::TaskReportReply>(
      [this, request](Moment now) -> absl::StatusOr<pb::TaskReportReply> {
        Job* job = jobs_.Get(request.job());
        if (job == nullptr) {
          return absl::FailedPreconditionError(absl::StrCat("no job '", request.job(), "'"));
        }
        RETURN_IF_ERROR(TakeTaskReport(*job, request, now));
        return pb::TaskReportReply();
      },
      std::move(done));
}

void Cluster::Submit(const pb::SubmitRequest& request, Callback<pb::SubmitReply> done) {
  Run<pb::SubmitReply>([this, request](Moment now) { return HandleSubmit(request, now); },
                       std::move(done));
}

Situation Cluster::Look(Moment now) const {
  return {jobs_, members_, options_.min_servers, options_.server_grace, now};
}

absl::StatusOr<pb::SubmitReply> Cluster::HandleSubmit(const pb::SubmitRequest& request,
                                                      Moment now) {
  auto job = jobs_.Add(request, now);
  if (!job.ok()) return job.status();
  absl::Status good = CheckEverFits(**job, members_, options_.min_servers);
  if (good.ok()) good = CheckGpusExist((*job)->needs, members_);
  if (good.ok()) good = FindOrigin(**job, jobs_);
  if (!good.ok()) {
    jobs_.Remove(*job);
    return good;
  }
  pb::SubmitReply reply;
  reply.set_id((*job)->id());
  return reply;
}

void Cluster::GetJob(const pb::GetJobRequest& request, Callback<pb::GetJobReply> done) {
  Run<pb::GetJobReply>(
      [this, request](Moment now) -> absl::StatusOr<pb::GetJobReply> {
        auto job = jobs_.Find(request.id());
        if (!job.ok()) return job.status();
        pb::GetJobReply reply;
        *reply.mutable_status() = ShowJob(**job, members_, now);
        *reply.mutable_job() = (*job)->record.job();
        *reply.mutable_plan() = ShowPlan(**job, members_);
        return reply;
      },
      std::move(done));
}

void Cluster::ListJobs(const pb::ListJobsRequest& request, Callback<pb::ListJobsReply> done) {
  Run<pb::ListJobsReply>(
      [this](Moment now) -> absl::StatusOr<pb::ListJobsReply> {
        pb::ListJobsReply reply;
        for (const auto& [order, job] : jobs_.jobs()) {
          *reply.add_jobs() = ShowJob(*job, members_, now);
        }
        return reply;
      },
      std::move(done));
}

void Cluster::ListNodes(const pb::ListNodesRequest& request, Callback<pb::ListNodesReply> done) {
  Run<pb::ListNodesReply>(
      [this](Moment) -> absl::StatusOr<pb::ListNodesReply> { return MakeNodes(); },
      std::move(done));
}

pb::ListNodesReply Cluster::MakeNodes() const {
  pb::ListNodesReply reply;
  *reply.add_nodes() = self_;
  reply.set_chaos(options_.chaos);
  const Usage usage = jobs_.UsageOf(members_);
  for (const auto& [name, member] : members_.all()) {
    pb::Node* node = reply.add_nodes();
    node->set_id(name);
    node->set_role(member.who.role());
    node->set_address(member.who.address());
    node->set_pid(member.ready() ? member.who.pid() : 0);
    node->set_draining(jobs_.IsDraining(name));
    node->set_slots(member.who.slots());
    node->set_memory_bytes(member.who.memory_bytes());
    node->set_memory_used(member.ready() ? member.report.memory_used() : 0);
    ShowPlaces(member, usage, node);
    const bool in_use = !member.ready() || !node->draining();
    node->set_state(in_use ? Name(member.state) : node->tasks() > 0 ? "DRAINING" : "DRAINED");
  }
  return reply;
}

void Cluster::Drain(const pb::DrainRequest& request, Callback<pb::DrainReply> done) {
  Run<pb::DrainReply>([this, request](Moment) { return OrderDrain(request, members_, jobs_); },
                      std::move(done));
}

void Cluster::Cancel(const pb::CancelRequest& request, Callback<pb::CancelReply> done) {
  Run<pb::CancelReply>([this, request](Moment now) { return HandleCancel(request, now); },
                       std::move(done));
}

absl::StatusOr<pb::CancelReply> Cluster::HandleCancel(const pb::CancelRequest& request,
                                                      Moment now) {
  auto job = jobs_.Find(request.id());
  if (!job.ok()) return job.status();
  const bool again = (*job)->state() == pb::CANCELLED;  // the first answer was lost
  if ((*job)->ended() && !again) {
    return absl::FailedPreconditionError(
        absl::StrCat(request.id(), " has ended already: ", pb::JobState_Name((*job)->state())));
  }
  if (!again) (*job)->Cancel(now);
  pb::CancelReply reply;
  reply.set_state((*job)->state());
  return reply;
}

void Cluster::SetJob(const pb::SetJobRequest& request, Callback<pb::SetJobReply> done) {
  Run<pb::SetJobReply>(
      [this, request](Moment now) -> absl::StatusOr<pb::SetJobReply> {
        auto job = jobs_.Find(request.id());
        if (!job.ok()) return job.status();
        RETURN_IF_ERROR(
            ChangeJob(**job, {request.settings().begin(), request.settings().end()}, now));
        pb::SetJobReply reply;
        reply.set_plan((*job)->plan().number());
        return reply;
      },
      std::move(done));
}

void Cluster::ChangeCheckpoint(const pb::ChangeCheckpointRequest& request,
                               Callback<pb::ChangeCheckpointReply> done) {
  Run<pb::ChangeCheckpointReply>(
      [this, request](Moment now) { return HandleCheckpoint(request, now); }, std::move(done));
}

absl::StatusOr<pb::ChangeCheckpointReply> Cluster::HandleCheckpoint(
    const pb::ChangeCheckpointRequest& request, Moment now) {
  ASSIGN_OR_RETURN(Job* const job, jobs_.Find(request.id()));
  pb::ChangeCheckpointReply reply;
  reply.set_step(request.step());
  switch (request.what()) {
    case pb::ChangeCheckpointRequest::SAVE: {
      ASSIGN_OR_RETURN(const uint64_t step, OrderCheckpoint(*job, members_));
      reply.set_step(step);
      return reply;
    }
    case pb::ChangeCheckpointRequest::RESTORE:
      RETURN_IF_ERROR(RestoreTo(*job, request.step(), Look(now)));
      return reply;
    case pb::ChangeCheckpointRequest::DELETE:
      RETURN_IF_ERROR(DeleteCheckpoint(*job, request.step(), now));
      return reply;
    default:
      return absl::InvalidArgumentError("found no SAVE, RESTORE or DELETE");
  }
}

}  // namespace paracord
