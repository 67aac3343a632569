#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/job/history.h"
#include "common/rpc/wait.h"
#include "scheduler/cli/audit_rows.h"
#include "scheduler/cli/duration.h"
#include "scheduler/cli/scheduler_client.h"
#include "scheduler/cli/text_table.h"
#include "scheduler/cli/verbs.h"

namespace paracord {
namespace {

absl::StatusOr<std::vector<pb::QueryReply>> AskServers(const Context& context,
                                                       const pb::Plan& plan) {
  std::vector<pb::QueryReply> replies;
  for (const pb::ShardRange& range : plan.shards()) {
    pb::QueryRequest request;
    SetHistory(plan, &request);
    request.set_shard(range.index());
    request.set_block_begin(range.block_begin());
    request.set_audit(true);
    const auto shard = context.connect_shard(range.address());
    auto reply = Await<pb::QueryReply>([&](auto done) { shard->Query(request, std::move(done)); });
    if (!reply.ok()) return Annotate(reply.status(), range.server());
    replies.push_back(*std::move(reply));
  }
  return replies;
}

// Asks again while a server is away: it may be on its way back.
absl::StatusOr<std::vector<AuditRow>> Audit(const Context& context, SchedulerClient& scheduler,
                                            const AuditArguments& arguments) {
  const TimePoint until = DeadlineAfter(arguments.timeout);
  while (true) {
    ASSIGN_OR_RETURN(const pb::GetJobReply job, scheduler.GetJob(arguments.job, until));
    const pb::JobState state = job.status().state();
    if (state == pb::FAILED || state == pb::CANCELLED) {
      return absl::FailedPreconditionError(
          absl::StrCat(arguments.job, " is ", pb::JobState_Name(state),
                       ": what its servers had counted went with its weights"));
    }
    ASSIGN_OR_RETURN(const JobSpec spec, ParseJobOrStatus(job.job().yaml(), job.job().directory()));
    const auto replies = AskServers(context, job.plan());
    if (replies.ok()) return AuditRows(spec, job.plan(), *replies);
    const absl::Status& status = replies.status();
    const bool away = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
    if (!away) return status;
    if (Clock::now() >= until) return absl::DeadlineExceededError(status.message());
    Pause();
  }
}

Json RowsJson(const std::vector<AuditRow>& rows) {
  Json epochs = Json::array();
  for (const AuditRow& row : rows) {
    epochs.push_back({{"epoch", row.epoch},
                      {"expected", row.expected},
                      {"applied", row.applied},
                      {"repeated", row.repeated},
                      {"missing", row.missing}});
  }
  return epochs;
}

std::string RowsText(const std::vector<AuditRow>& rows) {
  TextTable table({"EPOCH", "EXPECTED", "APPLIED", "REPEATED", "MISSING"});
  for (const AuditRow& row : rows) {
    table.Add({absl::StrCat(row.epoch), absl::StrCat(row.expected), absl::StrCat(row.applied),
               absl::StrCat(row.repeated), absl::StrCat(row.missing)});
  }
  return table.Text();
}

}  // namespace

int RunAudit(const Context& context, const AuditArguments& arguments) {
  auto scheduler = SchedulerClient::Open(context);
  if (!scheduler.ok()) return Fail(context, scheduler.status());
  const auto rows = Audit(context, **scheduler, arguments);
  if (!rows.ok()) return FailTimed(context, rows.status());
  if (context.json) {
    PrintJson(context, {{"id", arguments.job}, {"epochs", RowsJson(*rows)}});
  } else if (rows->empty()) {
    context.out << arguments.job << " has not trained anything yet" << std::endl;
  } else {
    context.out << RowsText(*rows) << std::flush;
  }
  return kOk;
}

}  // namespace paracord
