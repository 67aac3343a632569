#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/job/history.h"
#include "common/rpc/wait.h"
#include "scheduler/cli/duration.h"
#include "scheduler/cli/job_json.h"
#include "scheduler/cli/job_text.h"
#include "scheduler/cli/scheduler_client.h"
#include "scheduler/cli/text_table.h"
#include "scheduler/cli/verbs.h"

namespace paracord {
namespace {

absl::StatusOr<uint64_t> Change(SchedulerClient& scheduler, pb::ChangeCheckpointRequest::What what,
                                const CheckpointArguments& arguments) {
  pb::ChangeCheckpointRequest request;
  request.set_id(arguments.job);
  request.set_what(what);
  request.set_step(arguments.step.value_or(0));
  ASSIGN_OR_RETURN(const auto reply,
                   scheduler.ChangeCheckpoint(request, SchedulerClient::OneShot()));
  return reply.step();
}

// Prints what became of `step`.
int Done(const Context& context, const CheckpointArguments& arguments, const std::string& what,
         const absl::StatusOr<uint64_t>& step) {
  if (!step.ok()) return FailTimed(context, step.status());
  if (context.json) {
    PrintJson(context, {{"id", arguments.job}, {"step", *step}});
  } else {
    context.out << arguments.job << " step " << *step << " " << what << std::endl;
  }
  return kOk;
}

// The first checkpoint of a step from `ordered` on; the step may move if a shard was past it.
// `old_error`: why the one before could not be written; it may be better now.
absl::StatusOr<uint64_t> AwaitSaved(SchedulerClient& scheduler, uint64_t ordered,
                                    const std::string& old_error,
                                    const CheckpointArguments& arguments) {
  const TimePoint until = DeadlineAfter(arguments.timeout);
  while (true) {
    ASSIGN_OR_RETURN(const pb::GetJobReply job, scheduler.GetJob(arguments.job, until));
    const pb::JobStatus& status = job.status();
    for (const pb::StoredStep& stored : status.checkpoints()) {
      if (stored.step() >= ordered && stored.damage().empty()) return stored.step();
    }
    if (!status.checkpoint_error().empty() && status.checkpoint_error() != old_error) {
      return absl::FailedPreconditionError(status.checkpoint_error());
    }
    if (HasEnded(status.state())) {
      return absl::FailedPreconditionError(
          absl::StrCat(arguments.job, " has ended: ", pb::JobState_Name(status.state())));
    }
    if (Clock::now() >= until) {
      return absl::DeadlineExceededError(
          absl::StrCat("the checkpoint that was ordered for step ", ordered, " is not there yet",
                       status.checkpoint_error().empty() ? "" : ": ", status.checkpoint_error()));
    }
    Pause();
  }
}

absl::Status VerifyPart(const Context& context, const pb::GetJobReply& job,
                        const pb::StoredStep& checkpoint, const pb::StoredShard& part) {
  const auto& shards = job.plan().shards();
  const auto shard = std::find_if(shards.begin(), shards.end(), [&](const pb::ShardRange& range) {
    return range.server() == part.server();
  });
  if (shard == shards.end()) return absl::UnavailableError("its server is none of the job's now");
  pb::QueryRequest request;
  SetHistory(job.plan(), &request);
  if (checkpoint.history() > 0) request.set_history(checkpoint.history());
  request.set_shard(shard->index());
  request.set_verify(true);
  request.set_step(checkpoint.step());
  request.set_block_begin(part.block_begin());
  request.set_ahead(part.ahead());
  request.set_hash(part.hash());
  const auto connection = context.connect_shard(shard->address());
  return Await<pb::QueryReply>([&](auto done) { connection->Query(request, std::move(done)); })
      .status();
}

struct Verdict {
  std::string damage;   // empty: none was found
  std::string unknown;  // of parts that nobody could look at; empty: all were
  bool good() const { return damage.empty() && unknown.empty(); }
};

Verdict VerifyOne(const Context& context, const pb::GetJobReply& job,
                  const pb::StoredStep& checkpoint) {
  Verdict verdict;
  for (const pb::StoredShard& part : checkpoint.shards()) {
    const absl::Status status = VerifyPart(context, job, checkpoint, part);
    if (status.ok()) continue;
    const bool looked = absl::IsDataLoss(status) || absl::IsNotFound(status);
    std::string& text = looked ? verdict.damage : verdict.unknown;
    absl::StrAppend(&text, text.empty() ? "" : "; ", part.server(), ": ", status.message());
  }
  return verdict;
}

// To go back to a checkpoint costs those after it: not for one that cannot be read.
absl::Status CheckUndamaged(const Context& context, SchedulerClient& scheduler,
                            const CheckpointArguments& arguments) {
  ASSIGN_OR_RETURN(const pb::GetJobReply job,
                   scheduler.GetJob(arguments.job, SchedulerClient::OneShot()));
  for (const pb::StoredStep& checkpoint : job.status().checkpoints()) {
    if (checkpoint.step() != arguments.step || checkpoint.step() == 0) continue;
    const Verdict verdict = VerifyOne(context, job, checkpoint);
    if (verdict.damage.empty() || checkpoint.copied()) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "step ", checkpoint.step(), " is damaged: ", verdict.damage, "; nothing was changed"));
  }
  return absl::OkStatus();
}

Json OrNull(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

}  // namespace

int RunCheckpointList(const Context& context, const CheckpointArguments& arguments) {
  auto scheduler = SchedulerClient::Open(context);
  if (!scheduler.ok()) return Fail(context, scheduler.status());
  const auto job = (*scheduler)->GetJob(arguments.job, SchedulerClient::OneShot());
  if (!job.ok()) return Fail(context, job.status());
  if (context.json) {
    PrintJson(context, CheckpointsJson(job->status()));
  } else {
    context.out << CheckpointsText(job->status()) << std::flush;
  }
  return kOk;
}

int RunCheckpointSave(const Context& context, const CheckpointArguments& arguments) {
  auto scheduler = SchedulerClient::Open(context);
  if (!scheduler.ok()) return Fail(context, scheduler.status());
  const auto before = (*scheduler)->GetJob(arguments.job, SchedulerClient::OneShot());
  const std::string old_error = before.ok() ? before->status().checkpoint_error() : "";
  auto step = Change(**scheduler, pb::ChangeCheckpointRequest::SAVE, arguments);
  if (step.ok()) step = AwaitSaved(**scheduler, *step, old_error, arguments);
  return Done(context, arguments, "is stored", step);
}

int RunCheckpointVerify(const Context& context, const CheckpointArguments& arguments) {
  auto scheduler = SchedulerClient::Open(context);
  if (!scheduler.ok()) return Fail(context, scheduler.status());
  const auto job = (*scheduler)->GetJob(arguments.job, DeadlineAfter(arguments.timeout));
  if (!job.ok()) return Fail(context, job.status());
  Json rows = Json::array();
  TextTable table({"STEP", "STATE"});
  bool good = true;
  for (const pb::StoredStep& checkpoint : job->status().checkpoints()) {
    if (arguments.step.has_value() && checkpoint.step() != *arguments.step) continue;
    const Verdict verdict = VerifyOne(context, *job, checkpoint);
    good = good && verdict.good();
    rows.push_back({{"step", checkpoint.step()},
                    {"good", verdict.good()},
                    {"damage", OrNull(verdict.damage)},
                    {"unknown", OrNull(verdict.unknown)}});
    table.Add({absl::StrCat(checkpoint.step()), verdict.good() ? "good"
                                                : verdict.damage.empty()
                                                    ? "not known: " + verdict.unknown
                                                    : "damaged: " + verdict.damage});
  }
  if (rows.empty()) {
    return Fail(context,
                absl::NotFoundError(absl::StrCat(arguments.job, " has no such checkpoint")));
  }
  if (context.json) {
    PrintJson(context, {{"id", arguments.job}, {"checkpoints", rows}});
  } else {
    context.out << table.Text() << std::flush;
  }
  return good ? kOk : kFailed;
}

int RunCheckpointRestore(const Context& context, const CheckpointArguments& arguments) {
  auto scheduler = SchedulerClient::Open(context);
  if (!scheduler.ok()) return Fail(context, scheduler.status());
  if (absl::Status damaged = CheckUndamaged(context, **scheduler, arguments); !damaged.ok()) {
    return Fail(context, damaged);
  }
  return Done(context, arguments, "is what it goes on from",
              Change(**scheduler, pb::ChangeCheckpointRequest::RESTORE, arguments));
}

int RunCheckpointDelete(const Context& context, const CheckpointArguments& arguments) {
  auto scheduler = SchedulerClient::Open(context);
  if (!scheduler.ok()) return Fail(context, scheduler.status());
  return Done(context, arguments, "is deleted",
              Change(**scheduler, pb::ChangeCheckpointRequest::DELETE, arguments));
}

}  // namespace paracord
