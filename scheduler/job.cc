#include "scheduler/job.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "common/job/sampler.h"
#include "common/rpc/consistency_message.h"
#include "scheduler/plan_tasks.h"

namespace paracord {
namespace {

constexpr int kMaxEvents = 200;
constexpr Duration kLeaveTime = seconds(1);
constexpr Duration kArriveTime = seconds(1);  // of a plan that was sent before its job ended

// Each task of the plan has its place in the status, where ranks are places, and has some of the
// virtual workers.
bool TasksAreGood(const pb::JobRecord& record, uint32_t virtual_workers) {
  const auto& tasks = record.status().tasks();
  for (int i = 0; i < tasks.size(); ++i) {
    if (tasks[i].rank() != static_cast<uint32_t>(i)) return false;
  }
  int64_t last = -1;
  for (const pb::TaskSlot& slot : record.plan().tasks()) {
    if (slot.rank() <= last || slot.rank() >= static_cast<uint32_t>(tasks.size())) return false;
    if (slot.begin() >= slot.end() || slot.end() > virtual_workers) return false;
    last = slot.rank();
  }
  const bool training = record.status().state() == pb::RUNNING && record.plan().tasks_size() > 0;
  return !training || TaskCount(record.plan()) > 0;
}

// What the code here indexes by holds also for bytes from a disk.
absl::Status CheckRecord(const pb::JobRecord& record, const JobSpec& spec) {
  const bool range = record.min_workers() <= record.workers() &&
                     record.workers() <= spec.virtual_workers &&
                     (record.workers() == 0 || record.min_workers() > 0);
  bool good = range && TasksAreGood(record, spec.virtual_workers);
  const bool started = record.status().state() == pb::RUNNING || record.plan().number() > 0;
  if (record.train_samples() > kMostSamples) {
    return absl::DataLossError(absl::StrCat("found ", record.train_samples(),
                                            " training samples, expected at most ", kMostSamples));
  }
  good = good && (!started || (record.plan().number() > 0 && record.plan().shards_size() > 0));
  if (good) return absl::OkStatus();
  return absl::DataLossError("plan and status contradict each other");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Job>> Job::Make(pb::JobRecord record) {
  auto spec = ParseJobOrStatus(record.job().yaml(), record.job().directory());
  if (!spec.ok()) return spec.status();
  RETURN_IF_ERROR(CheckRecord(record, *spec));
  std::unique_ptr<Job> job(new Job(std::move(record), *std::move(spec)));
  if (job->ended()) job->HoldMemory(TimePoint{});  // the servers' heartbeats will say
  return job;
}

Job::Job(pb::JobRecord journaled, JobSpec parsed)
    : record(std::move(journaled)), spec(std::move(parsed)), needs(spec) {
  if (record.has_consistency()) needs.SetConsistency(FromMessage(record.consistency()));
  if (record.workers() > 0) needs.SetWorkers(record.workers(), record.min_workers());
}

std::string Job::TaskName(uint32_t rank) const {
  return absl::StrCat("task ", rank, " on ", task(rank).node());
}

const pb::TaskSlot* Job::FindSlot(uint32_t rank) const {
  return training() ? FindTask(plan(), rank) : nullptr;
}

bool Job::IsSpeaker(uint32_t rank) const {
  const std::vector<uint32_t> ranks = RanksOf(plan());
  return !ranks.empty() && ranks.front() == rank;
}

std::set<uint32_t> Job::LostRanks() const {
  std::set<uint32_t> lost;
  if (!training()) return lost;
  for (const pb::TaskSlot& slot : plan().tasks()) {
    if (TaskIs(slot.rank(), kTaskLost)) lost.insert(slot.rank());
  }
  return lost;
}

bool Job::NeedsSlot(const pb::TaskSlot& slot) const {
  if (TaskIs(slot.rank(), kTaskLost)) return false;
  const auto gone = exited.find(slot.rank());
  return gone == exited.end() || gone->second != slot.incarnation();
}

bool Job::Ending() const {
  const auto& tasks = plan().tasks();
  return std::any_of(tasks.begin(), tasks.end(),
                     [this](const auto& slot) { return TaskIs(slot.rank(), kTaskDone); });
}

bool Job::Steady() const {
  return training() && !status().has_first_failure() && !Ending() && LostRanks().empty();
}

uint64_t Job::last_step() const {
  const uint64_t stop = status().evaluations().stop_step();
  return stop > 0 ? std::min<uint64_t>(stop, status().steps()) : status().steps();
}

const pb::StoredAtStop* Job::StoppedAt(const std::string& server) const {
  for (const pb::StoredAtStop& stop : record.stopped()) {
    if (stop.server() == server && stop.history() == plan().history()) return &stop;
  }
  return nullptr;
}

void Job::ForgetStop(const std::string& server) {
  auto* stops = record.mutable_stopped();
  const auto kept = std::remove_if(stops->begin(), stops->end(),
                                   [&](const auto& stop) { return stop.server() == server; });
  stops->erase(kept, stops->end());
}

void Job::Note(const std::string& text, Moment now) {
  auto* events = record.mutable_status()->mutable_events();
  pb::Event* event = events->Add();
  event->set_unix_ms(now.unix_ms);
  event->set_text(text);
  if (events->size() > kMaxEvents) events->DeleteSubrange(0, events->size() - kMaxEvents);
  must_save = true;
  LogInfo(id(), ": ", text);
}

void Job::StartTask(const pb::TaskSlot& slot) {
  pb::TaskStatus& task = this->task(slot.rank());
  task.set_node(slot.worker());
  task.clear_gpu();
  if (slot.has_gpu()) task.set_gpu(slot.gpu());
  task.set_state(kTaskStarting);
  task.set_pid(0);
  task.set_busy(0);
  task_waits.erase(slot.rank());
}

void Job::ReleaseTask(const pb::TaskSlot& slot, Moment now) {
  pb::TaskStatus& task = this->task(slot.rank());
  if (task.state() != kTaskLost) ReleaseSlot(slot, now);
  task.set_state(kTaskReleased);
  task.set_pid(0);
  task.set_busy(0);
  task.set_begin(0);
  task.set_end(0);
  task_waits.erase(slot.rank());
}

void Job::NoteCut(const pb::Plan& before, Moment now) {
  bool same = TaskCount(before) == TaskCount(plan());
  for (const pb::TaskSlot& slot : plan().tasks()) {
    const pb::TaskSlot* old = FindTask(before, slot.rank());
    same = same && (slot.backup() ||
                    (old != nullptr && old->begin() == slot.begin() && old->end() == slot.end()));
  }
  if (same) return;
  tuning = Tuning();
  tuning.cut_at = now.at;
}

void Job::Publish(const pb::Plan& plan, const std::string& why, Moment now) {
  pb::JobStatus* status = record.mutable_status();
  const pb::Plan before = std::exchange(*record.mutable_plan(), plan);
  for (const pb::TaskSlot& slot : before.tasks()) {
    if (FindTask(plan, slot.rank()) == nullptr) ReleaseTask(slot, now);
  }
  for (const pb::TaskSlot& slot : plan.tasks()) {
    while (slot.rank() >= static_cast<uint32_t>(status->tasks_size())) {
      const auto rank = static_cast<uint32_t>(status->tasks_size());
      status->add_tasks()->set_rank(rank);
    }
    const pb::TaskSlot* old = FindTask(before, slot.rank());
    const bool same = old != nullptr && old->incarnation() == slot.incarnation();
    if (old != nullptr && !same && !TaskIs(slot.rank(), kTaskLost)) ReleaseSlot(*old, now);
    if (!same) StartTask(slot);
    task(slot.rank()).set_begin(slot.begin());
    task(slot.rank()).set_end(slot.end());
  }
  NoteCut(before, now);
  if (plan.history() > before.history() && before.number() > 0) {
    status->set_step(plan.step());
    status->clear_evaluations();
    record.set_save_at(0);
    exited.clear();
  }
  if (pending()) resized_at = now.at;
  if (pending()) {
    status->set_state(pb::RUNNING);
    record.set_started_unix_ms(now.unix_ms);
    Note("started", now);
  }
  Note(absl::StrCat("plan ", plan.number(), ": ", why), now);
}

void Job::Finish(Moment now) {
  EndTasks(now);
  pb::Plan* plan = record.mutable_plan();
  plan->set_phase(pb::Plan::FINISHED);
  plan->set_step(last_step());
  plan->set_number(plan->number() + 1);
  Note(absl::StrCat("plan ", plan->number(), ": all tasks are done; the servers store step ",
                    plan->step()),
       now);
}

void Job::Succeed(Moment now) {
  record.mutable_status()->set_step(plan().step());
  End(pb::SUCCEEDED, now);
}

void Job::Fail(const pb::Failure& failure, Moment now) {
  if (ended()) return;
  if (!status().has_first_failure()) *record.mutable_status()->mutable_first_failure() = failure;
  Note(absl::StrCat("failed: ", failure.code(), ": ", failure.message()), now);
  End(pb::FAILED, now);
}

void Job::Cancel(Moment now) { End(pb::CANCELLED, now); }

void Job::End(pb::JobState state, Moment now) {
  if (state != pb::SUCCEEDED && plan().number() > 0) {
    EndTasks(now);
    pb::Plan* plan = record.mutable_plan();
    plan->set_phase(pb::Plan::CLOSED);
    plan->set_number(plan->number() + 1);
  }
  record.mutable_status()->set_state(state);
  record.set_ended_unix_ms(now.unix_ms);
  record.clear_stopped();
  HoldMemory(now.at + kArriveTime);
  waits.clear();
  task_waits.clear();
  record.set_save_at(0);
  Note(pb::JobState_Name(state), now);
}

void Job::Reopen(Moment now) {
  if (!ended()) return;
  pb::JobStatus* status = record.mutable_status();
  status->set_state(pb::RUNNING);
  status->clear_first_failure();
  record.clear_crashes();
  record.set_ended_unix_ms(0);
  held.clear();
  Note("begins to train again", now);
}

void Job::EndTasks(Moment now) {
  for (const pb::TaskSlot& slot : plan().tasks()) {
    pb::TaskStatus& task = this->task(slot.rank());
    if (task.state() != kTaskLost) ReleaseSlot(slot, now);
    if (task.state() != kTaskDone) task.set_state(slot.backup() ? kTaskReleased : kTaskLost);
    task.set_pid(0);
  }
  record.mutable_plan()->clear_tasks();
  task_waits.clear();
}

void Job::Lose(uint32_t rank, const TaskLoss& loss, Moment now) {
  pb::JobStatus* status = record.mutable_status();
  const pb::TaskSlot& slot = *FindSlot(rank);
  const bool counted = loss.counted && !slot.backup();
  if (!loss.ended) ReleaseSlot(slot, now);
  Note(loss.message, now);
  if (counted && RestartsThatCount(now) >= spec.restart.max_restarts) {
    pb::Failure failure = MakeFailure(
        loss.code,
        absl::StrCat(loss.message, "; tasks were started again ", RestartsThatCount(now),
                     " times already (restart.max_restarts: ", spec.restart.max_restarts, ")"),
        task(rank).node());
    failure.set_rank(static_cast<int32_t>(rank));
    failure.set_exit(loss.exit);
    failure.set_log_tail(loss.log_tail);
    Fail(failure, now);
    return;
  }
  if (counted) {
    status->set_restarts(status->restarts() + 1);
    record.add_restarts_unix_ms(now.unix_ms);
  }
  task(rank).set_state(kTaskLost);
  task(rank).set_pid(0);
  task(rank).set_busy(0);
  task_waits.erase(rank);
}

uint32_t Job::RestartsThatCount(Moment now) const {
  const int64_t window_ms = spec.restart.window_ns / 1'000'000;
  if (window_ms == 0) return status().restarts();
  const auto& times = record.restarts_unix_ms();
  return static_cast<uint32_t>(std::count_if(times.begin(), times.end(), [&](int64_t unix_ms) {
    return unix_ms > now.unix_ms - window_ms;
  }));
}

void Job::ReleaseSlot(const pb::TaskSlot& slot, Moment now) {
  leaving.push_back({PlaceOf(slot), slot.worker_incarnation(), slot.rank(), slot.incarnation(),
                     now.at + kLeaveTime});
}

void Job::HoldMemory(TimePoint arrived) {
  for (const pb::ShardRange& shard : plan().shards()) {
    held.push_back(
        {shard.server(), shard.incarnation(), shard.index(), needs.total_bytes(), arrived});
  }
}

pb::Failure MakeFailure(const std::string& code, const std::string& message,
                        const std::string& node) {
  pb::Failure failure;
  failure.set_code(code);
  failure.set_message(message);
  failure.set_node(node);
  failure.set_rank(-1);
  failure.set_exit(-1);
  return failure;
}

}  // namespace paracord
