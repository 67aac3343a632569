// One job as the scheduler knows it: the journaled record, what is worked out from it, and the few
// things that a restart may forget. The functions here are the job's only changes of `state` and of
// its plan, called by task_reports, shard_reports, reconcile and cluster; what tasks and servers
// report on the way is written into `record` by task_reports and shard_reports themselves.
//
//   PENDING -> RUNNING (plan TRAINING, then FINISHED) -> SUCCEEDED
//   PENDING, RUNNING -> FAILED or CANCELLED (plan CLOSED)
//
// Not thread-safe: lives on the cluster's strand. Nothing of a job is shown to anybody before it is
// journaled; `must_save` says that it has to be.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "proto/storage.pb.h"
#include "scheduler/job_needs.h"
#include "scheduler/moment.h"
#include "scheduler/pace.h"
#include "scheduler/place.h"

namespace paracord {

inline constexpr const char* kTaskStarting = "STARTING";
inline constexpr const char* kTaskRunning = "RUNNING";
inline constexpr const char* kTaskDone = "DONE";
inline constexpr const char* kTaskLost = "LOST";          // to be placed again
inline constexpr const char* kTaskReleased = "RELEASED";  // the plan does not name this rank now

// Why a task has to be started again.
struct TaskLoss {
  std::string code;     // of the failure, should this have been once too often
  std::string message;  // "task 1 on worker-0 was killed by signal 9 (SIGKILL)"
  int exit = -1;
  std::string log_tail;
  bool counted = true;  // against restart.max_restarts
  bool ended = false;   // its process is known to be gone, its slot is free at once
};

// A slot whose task no plan names any more but whose process may still live.
struct Leaving {
  Place place;
  uint64_t worker_incarnation;
  uint32_t rank;
  uint64_t incarnation;
  TimePoint until;
};

// A shard of an ended job that its server has not yet shown to be gone.
struct HeldShard {
  std::string server;
  uint64_t incarnation;
  uint32_t index;
  uint64_t bytes;     // as its server says; all that the job could hold, before it has said so
  TimePoint arrived;  // no plan of the job is on its way any more
  bool seen = false;  // in a heartbeat
};

// What is measured of a training job's tasks, and what was found the last time.
struct Tuning {
  Pace pace;
  TimePoint cut_at{};                             // the virtual workers were cut otherwise
  TimePoint looked_at{};                          // at how fast the tasks are
  std::vector<uint32_t> better_cut;               // found then; empty: none
  std::pair<uint32_t, uint32_t> better_shadow{};  // backup, and the rank it had better compute for
  std::optional<TimePoint> better_since;          // that has been so; empty: it is not
};

class Job {
 public:
  // InvalidArgument: the text is no valid job; all errors. DataLoss: the record contradicts itself.
  static absl::StatusOr<std::unique_ptr<Job>> Make(pb::JobRecord record);

  const std::string& id() const { return record.job().id(); }
  pb::JobState state() const { return record.status().state(); }
  bool pending() const { return state() == pb::PENDING; }
  bool running() const { return state() == pb::RUNNING; }
  bool ended() const { return !pending() && !running(); }
  bool training() const { return running() && plan().phase() == pb::Plan::TRAINING; }
  const pb::Plan& plan() const { return record.plan(); }
  const pb::JobStatus& status() const { return record.status(); }
  // Of any rank that a plan of the job has ever named.
  pb::TaskStatus& task(uint32_t rank) { return *record.mutable_status()->mutable_tasks(rank); }
  const pb::TaskStatus& task(uint32_t rank) const { return record.status().tasks(rank); }
  bool TaskIs(uint32_t rank, const char* state) const { return task(rank).state() == state; }
  std::string TaskName(uint32_t rank) const;  // "task 1 on worker-0"
  // Null: the job is not training, or its plan does not name this rank.
  const pb::TaskSlot* FindSlot(uint32_t rank) const;
  // The rank whose progress and loss are the job's: the lowest that is no backup.
  bool IsSpeaker(uint32_t rank) const;
  // Its process needs its slot, as far as anybody knows.
  bool NeedsSlot(const pb::TaskSlot& slot) const;
  std::set<uint32_t> LostRanks() const;
  // Some task is done: the others are about to be, and nobody can take over from anybody.
  bool Ending() const;
  // All its steps, as far as that is known: fewer than at first if it stops early. 0: not known.
  uint64_t last_step() const;
  // Nothing has failed, ended or been lost: a plan with other tasks may follow.
  bool Steady() const;
  // Null: the server did not stop in order, or has returned.
  const pb::StoredAtStop* StoppedAt(const std::string& server) const;
  void ForgetStop(const std::string& server);

  // One line of the job's history, for people; also logged.
  void Note(const std::string& text, Moment now);
  // A new TRAINING plan; tasks with a new incarnation are STARTING, those that it does not name any
  // more RELEASED, and the processes of either leave their slots. The first one starts the job.
  void Publish(const pb::Plan& plan, const std::string& why, Moment now);
  // All tasks are done: the plan becomes FINISHED, at the last step.
  void Finish(Moment now);
  // Every shard has stored the last step.
  void Succeed(Moment now);
  // Keeps the first failure ever recorded, whatever `failure` says.
  void Fail(const pb::Failure& failure, Moment now);
  void Cancel(Moment now);
  // It has ended, and is to train again: RUNNING, its failure forgotten.
  void Reopen(Moment now);
  // The task must be started again; more often than the job allows: the job fails with this. A
  // backup is never counted.
  void Lose(uint32_t rank, const TaskLoss& loss, Moment now);

  pb::JobRecord record;
  const JobSpec spec;
  JobNeeds needs;
  std::vector<pb::Wait> waits;  // of the scheduler's own for this job, as of the last decision
  std::map<uint32_t, pb::Wait> task_waits;  // by rank, as reported
  std::vector<Leaving> leaving;
  std::map<uint32_t, uint64_t>
      exited;                     // by rank: incarnation of a process that was done and is gone
  std::vector<HeldShard> held;    // of an ended job
  int64_t stored_at_unix_ms = 0;  // the last checkpoint, or when one was ordered; 0: not known yet
  uint64_t save_margin = 1;       // by how much more an ordered checkpoint lies ahead
  Tuning tuning;
  TimePoint resized_at{};  // tasks were added, or given back
  TimePoint backups_at{};  // no backup is started before
  // It crashed, and has not yet said at which step it goes on.
  std::optional<uint32_t> crashed_rank;
  TimePoint fail_at{};      // a failure is recorded; its process's end is waited for until then
  bool must_save = false;   // before anything else is shown
  bool progressed = false;  // now and then
  TimePoint saved_at{};

 private:
  Job(pb::JobRecord record, JobSpec spec);
  uint32_t RestartsThatCount(Moment now) const;
  void ReleaseSlot(const pb::TaskSlot& slot, Moment now);
  void StartTask(const pb::TaskSlot& slot);
  void ReleaseTask(const pb::TaskSlot& slot, Moment now);
  // Starts the measuring anew if tasks have other virtual workers than they had.
  void NoteCut(const pb::Plan& before, Moment now);
  // No tasks any more.
  void EndTasks(Moment now);
  void End(pb::JobState state, Moment now);
  void HoldMemory(TimePoint arrived);
};

// rank -1, exit -1: no task's, no process's.
pb::Failure MakeFailure(const std::string& code, const std::string& message,
                        const std::string& node);

}  // namespace paracord
