#include "scheduler/cli/scheduler_client.h"

#include <cstdlib>
#include <thread>
#include <utility>

#include "common/base/status.h"
#include "common/rpc/wait.h"
#include "scheduler/cli/duration.h"

namespace paracord {
namespace {

bool MaySendAgain(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

}  // namespace

void Pause(Duration duration) { std::this_thread::sleep_for(duration); }

absl::StatusOr<std::unique_ptr<SchedulerClient>> SchedulerClient::Open(const Context& context) {
  const char* environment = std::getenv("PARACORD_SCHEDULER");
  ASSIGN_OR_RETURN(
      ClusterAddress cluster,
      ResolveCluster(context.scheduler, environment ? environment : "", PointerPath()));
  auto coordinator = context.connect(cluster.address);
  return std::make_unique<SchedulerClient>(std::move(cluster), std::move(coordinator));
}

SchedulerClient::SchedulerClient(ClusterAddress cluster, std::unique_ptr<Coordinator> coordinator)
    : cluster_(std::move(cluster)), coordinator_(std::move(coordinator)) {}

template <class Reply, class Call>
absl::StatusOr<Reply> SchedulerClient::Retry(TimePoint until, Call call) {
  const TimePoint since = Clock::now();
  while (true) {
    absl::StatusOr<Reply> reply = Await<Reply>(call);
    if (reply.ok() || !MaySendAgain(reply.status())) return reply;
    if (Clock::now() >= until) return Absent(reply.status(), since);
    Pause();
  }
}

absl::Status SchedulerClient::Absent(const absl::Status& last, TimePoint since) const {
  const double waited = std::chrono::duration<double>(Clock::now() - since).count();
  return absl::UnavailableError(absl::StrCat("no scheduler answers at ", cluster_.address,
                                             " (from ", cluster_.source, "), tried for ",
                                             DurationText(waited), ": ", Describe(last)));
}

absl::StatusOr<pb::GetJobReply> SchedulerClient::GetJob(const std::string& id, TimePoint until) {
  pb::GetJobRequest request;
  request.set_id(id);
  return Retry<pb::GetJobReply>(until,
                                [&](auto done) { coordinator_->GetJob(request, std::move(done)); });
}

absl::StatusOr<pb::ListJobsReply> SchedulerClient::ListJobs(TimePoint until) {
  return Retry<pb::ListJobsReply>(until,
                                  [&](auto done) { coordinator_->ListJobs({}, std::move(done)); });
}

absl::StatusOr<pb::ListNodesReply> SchedulerClient::ListNodes(TimePoint until) {
  return Retry<pb::ListNodesReply>(
      until, [&](auto done) { coordinator_->ListNodes({}, std::move(done)); });
}

absl::StatusOr<pb::DrainReply> SchedulerClient::Drain(const std::string& id, bool draining,
                                                      TimePoint until) {
  pb::DrainRequest request;
  request.set_id(id);
  request.set_draining(draining);
  return Retry<pb::DrainReply>(until,
                               [&](auto done) { coordinator_->Drain(request, std::move(done)); });
}

absl::StatusOr<pb::CancelReply> SchedulerClient::Cancel(const std::string& id, TimePoint until) {
  pb::CancelRequest request;
  request.set_id(id);
  return Retry<pb::CancelReply>(until,
                                [&](auto done) { coordinator_->Cancel(request, std::move(done)); });
}

absl::StatusOr<pb::SetJobReply> SchedulerClient::SetJob(const std::string& id,
                                                        const std::vector<std::string>& settings,
                                                        TimePoint until) {
  pb::SetJobRequest request;
  request.set_id(id);
  for (const std::string& setting : settings) request.add_settings(setting);
  return Retry<pb::SetJobReply>(until,
                                [&](auto done) { coordinator_->SetJob(request, std::move(done)); });
}

absl::StatusOr<pb::ChangeCheckpointReply> SchedulerClient::ChangeCheckpoint(
    const pb::ChangeCheckpointRequest& request, TimePoint until) {
  return Retry<pb::ChangeCheckpointReply>(
      until, [&](auto done) { coordinator_->ChangeCheckpoint(request, std::move(done)); });
}

absl::StatusOr<pb::SubmitReply> SchedulerClient::Submit(const pb::SubmitRequest& request,
                                                        TimePoint until) {
  RETURN_IF_ERROR(ListNodes(until).status());
  auto reply =
      Await<pb::SubmitReply>([&](auto done) { coordinator_->Submit(request, std::move(done)); });
  if (reply.ok() || !MaySendAgain(reply.status())) return reply;
  return Annotate(reply.status(), absl::StrCat("the answer of ", cluster_.address,
                                               " was lost; 'paracord get' shows whether the job "
                                               "was taken"));
}

}  // namespace paracord
