// A cluster in one thread: real shards, and tasks that follow the trainer's protocol with made-up
// gradients. Messages are delayed, reordered, doubled and lost, tasks die in the middle of a step,
// plans change the number of tasks and their slices, servers stop in order and come back; all of it
// a function of the seed.
//
// Run() checks every pulled version against the plain loop, bit for bit, that nobody waits for what
// nobody can produce, and that the version a restarted task begins with is there.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "tests/server/drawn_events.h"
#include "tests/server/plain_loop.h"
#include "tests/server/shard_room.h"
#include "tests/server/sim_parts.h"

namespace paracord {

class SimTraining {
 public:
  // Puts something between the tasks and a shard.
  using Wrap = std::function<std::shared_ptr<Shard>(std::shared_ptr<Shard>)>;

  SimTraining(ShardRoom& room, const std::string& id, uint64_t seed, Wrap wrap = nullptr)
      : room_(room),
        wrap_(std::move(wrap)),
        events_(seed),
        steps_(2 + Draw(5)),
        faults_left_(static_cast<int>(Draw(9))),
        job_(MakeJob(id, {5, 1, 7, 3, 2}, static_cast<OptimizerSpec::Kind>(Draw(6)),
                     static_cast<uint32_t>(1 + Draw(12)))),
        truth_(*job_, steps_) {
    plan_ = MakePlan(0);
    plan_.set_job(id);
    const uint32_t servers = static_cast<uint32_t>(1 + Draw(3));
    for (const BlockRange& range : job_->grid.Cut(servers)) {
      if (range.size() > 0) hosts_.push_back({range, nullptr, nullptr});
    }
    for (uint32_t i = 0; i < hosts_.size(); ++i) StartShard(i);
    ChangeTasks(false);
  }

  ~SimTraining() { hosts_.clear(); }  // its last answers want the rest

  // Empty: all is as it should be; else the first thing that is not.
  std::string Run() {
    for (uint64_t tick = 0; failure_.empty() && !Done(); ++tick) {
      if (tick > 300'000) return "it goes on for ever";
      if (events_.empty()) return Stuck();
      if (faults_left_ > 0 && Draw(150) == 0) Fault();
      events_.RunOne();
    }
    return failure_.empty() ? CheckEnd() : failure_;
  }

 private:
  using Host = SimHost;
  using Task = SimTask;
  using Call = std::pair<uint64_t, uint64_t>;  // whose it is: task, attempt

  uint64_t Draw(uint64_t below) { return events_.Draw(below); }
  void Later(std::function<void()> event) { events_.Add(std::move(event)); }
  void Fail(const std::string& what) {
    if (failure_.empty()) failure_ = what;
  }
  Task* Find(const Call& call) {
    const auto found = tasks_.find(call.first);
    return found != tasks_.end() && found->second.attempt == call.second ? &found->second : nullptr;
  }
  uint32_t HostOf(uint64_t block) const {
    uint32_t i = 0;
    while (!hosts_[i].range.Contains(block)) ++i;
    return i;
  }

  // ---- the scheduler's part

  void StartShard(uint32_t index) {
    Host& host = hosts_[index];
    host.shard = room_.MakeShard(job_, index, host.range);
    host.seen = wrap_ ? wrap_(host.shard) : host.shard;
  }
  void RestartServer(uint32_t index) {
    absl::Status stored = absl::UnknownError("never answered");
    hosts_[index].shard->StopAndStore(1,
                                      [&stored](const absl::Status& status) { stored = status; });
    room_.Settle();
    if (!stored.ok()) Fail("stopping a server: " + Describe(stored));
    StartShard(index);
  }
  // The slices cut anew among tasks; `same`: as they were, for one that died.
  void ChangeTasks(bool same) {
    const pb::Plan old = plan_;
    if (!same) {
      plan_.clear_tasks();
      const std::vector<uint32_t> cuts = DrawCuts(events_, job_->tree.leaves());
      const uint32_t count = static_cast<uint32_t>(cuts.size()) - 1;
      for (uint32_t rank = 0; rank < count; ++rank) {
        pb::TaskSlot* task = plan_.add_tasks();
        task->set_rank(rank);
        task->set_begin(cuts[rank]);
        task->set_end(cuts[rank + 1]);
        const bool stays = static_cast<int>(rank) < old.tasks_size() && Draw(3) > 0;
        if (stays) task->set_incarnation(old.tasks(static_cast<int>(rank)).incarnation());
      }
    }
    for (pb::TaskSlot& task : *plan_.mutable_tasks()) {
      if (tasks_.count(task.incarnation()) == 0) {
        task.set_incarnation(next_incarnation_++);
        tasks_[task.incarnation()];
      }
    }
    Publish();
  }
  // A new number; everybody hears of it some time.
  void Publish() {
    plan_.set_number(plan_.number() + 1);
    for (uint32_t i = 0; i < hosts_.size(); ++i) {
      Later([this, i, plan = plan_] {
        hosts_[i].shard->Adopt(plan);
        room_.Settle();  // it may have loaded
      });
    }
    for (const auto& [incarnation, task] : tasks_) {
      Later([this, incarnation = incarnation, plan = plan_] { Hear(incarnation, plan); });
    }
  }
  void Fault() {
    --faults_left_;
    const uint64_t kind = Draw(5);
    if (kind == 0) {
      RestartServer(static_cast<uint32_t>(Draw(hosts_.size())));
      Publish();
    } else if (kind == 1) {
      ChangeTasks(false);
    } else {
      const int victim = static_cast<int>(Draw(static_cast<uint64_t>(plan_.tasks_size())));
      tasks_.erase(plan_.tasks(victim).incarnation());
      ChangeTasks(kind == 2 ? false : true);
    }
  }
  bool Done() const {
    return std::all_of(plan_.tasks().begin(), plan_.tasks().end(), [&](const auto& slot) {
      const auto found = tasks_.find(slot.incarnation());
      return found != tasks_.end() && found->second.done;
    });
  }

  // ---- a task's part

  void Hear(uint64_t incarnation, const pb::Plan& plan) {
    const auto found = tasks_.find(incarnation);
    if (found == tasks_.end() || plan.number() <= found->second.plan.number()) return;
    found->second.plan = plan;
    if (SlotOf(incarnation, plan) == nullptr) {
      tasks_.erase(found);  // not named any more: it exits
      return;
    }
    found->second.gone = 0;
    Begin(incarnation);
  }
  void Begin(uint64_t incarnation) {
    Task& task = tasks_[incarnation];
    ++task.attempt;
    task.done = task.sent = false;
    task.lowest = UINT64_MAX;
    task.missing = 0;
    task.unsent.clear();
    task.weights.assign(job_->grid.blocks(), {});
    task.unanswered = hosts_.size();
    for (uint32_t i = 0; i < hosts_.size(); ++i) Query({incarnation, task.attempt}, i);
  }

  void Query(const Call& call, uint32_t host) {
    Later([this, call, host] {
      const Task* task = Find(call);
      if (task == nullptr) return;
      pb::QueryRequest request;
      request.set_plan(task->plan.number());
      hosts_[host].seen->Query(request, [=, this](const absl::StatusOr<pb::QueryReply>& reply) {
        Later([=, this] { Queried(call, host, reply); });
      });
    });
  }
  void Queried(const Call& call, uint32_t host, const absl::StatusOr<pb::QueryReply>& reply) {
    Task* task = Find(call);
    if (task == nullptr) return;
    if (Retry(*task, reply.status(), [=, this] { Query(call, host); })) return;
    task->lowest = std::min<uint64_t>(task->lowest, reply->version());
    if (--task->unanswered > 0) return;
    task->step = task->lowest;
    Pull(call, task->step, {0, job_->grid.blocks()});
  }

  void Pull(const Call& call, uint64_t version, BlockRange blocks) {
    Find(call)->missing += blocks.size();
    for (uint64_t block = blocks.begin; block < blocks.end; ++block) {
      Later([=, this] { SendPull(call, version, block); });
    }
  }
  void SendPull(const Call& call, uint64_t version, uint64_t block) {
    const Task* task = Find(call);
    if (task == nullptr) return;
    pb::PullHeader header;
    header.set_plan(task->plan.number());
    header.set_version(version);
    header.set_block_begin(block);
    header.set_block_end(block + 1);
    hosts_[HostOf(block)].seen->Pull(header, [=, this](const absl::StatusOr<Payload>& reply) {
      Later([=, this] {
        const bool lost = Draw(10) == 0;
        Pulled(call, version, block, lost ? absl::UnavailableError("lost") : reply);
      });
    });
  }
  void Pulled(const Call& call, uint64_t version, uint64_t block,
              const absl::StatusOr<Payload>& reply) {
    Task* task = Find(call);
    if (task == nullptr) return;
    if (absl::IsOutOfRange(reply.status())) {
      if (++task->gone > 1) Fail(absl::StrCat("version ", version, " is gone for a second time"));
      return Begin(call.first);
    }
    if (Retry(*task, reply.status(), [=, this] { SendPull(call, version, block); })) return;
    std::vector<float> floats = ToFloats(*reply);
    if (!SameBits(floats, truth_.At(version, block))) {
      return Fail(absl::StrCat("version ", version, " of block ", block, " has other bits"));
    }
    task->weights[block] = std::move(floats);
    if (--task->missing == 0 && task->unsent.empty()) StepReady(call);
  }

  // True: the answer was no; what must be done has been done.
  bool Retry(const Task& task, const absl::Status& status, std::function<void()> again) {
    if (status.ok()) return false;
    const bool newer = task.plan.number() < plan_.number();
    if (absl::IsUnavailable(status)) {
      Later(std::move(again));
    } else if (!newer || !(absl::IsFailedPrecondition(status) || absl::IsCancelled(status))) {
      Fail("a call was refused: " + Describe(status));
    }  // else: it waits for the newer plan
    return true;
  }

  // Every block that was asked for is there: the task begins the next step, if there is one.
  void StepReady(const Call& call) {
    Task& task = *Find(call);
    if (std::exchange(task.sent, false)) ++task.step;
    if (task.step > steps_) {
      task.done = true;
      return;
    }
    task.sent = true;
    const uint64_t blocks = job_->grid.blocks();
    if (task.step < steps_) {
      task.unsent = CutIntoRuns(blocks);
      std::shuffle(task.unsent.begin(), task.unsent.end(), events_.random());
    } else {
      task.unsent = {{blocks - 1, blocks}};  // the last evaluation: metrics alone
    }
    Later([=, this] { SendNext(call); });
  }
  // Blocks [0, count) in messages of one to three blocks of one server.
  std::vector<BlockRange> CutIntoRuns(uint64_t count) {
    std::vector<BlockRange> runs;
    for (uint64_t at = 0; at < count;) {
      const uint64_t limit = std::min(count, hosts_[HostOf(at)].range.end);
      runs.push_back({at, std::min(limit, at + 1 + Draw(3))});
      at = runs.back().end;
    }
    return runs;
  }
  // One run of blocks leaves, and its next version is asked for, with the last push or apart; a
  // kill may fall in between two.
  void SendNext(const Call& call) {
    Task* task = Find(call);
    if (task == nullptr) return;
    const BlockRange run = task->unsent.back();
    task->unsent.pop_back();
    const pb::TaskSlot& slot = *SlotOf(call.first, task->plan);
    const bool with_push = Draw(2) == 0;
    const std::vector<TreeNode> cover = job_->tree.Cover(slot.begin(), slot.end());
    for (const TreeNode& node : cover) {
      pb::PushHeader header;
      header.set_plan(task->plan.number());
      header.set_step(task->step);
      header.set_total_steps(steps_);
      header.set_node_begin(node.begin);
      header.set_node_end(node.end);
      header.set_block_begin(run.begin);
      header.set_block_end(run.end);
      header.set_pull(with_push && node == cover.back());
      Payload floats;
      for (uint64_t block = run.begin; block < run.end; ++block) {
        floats.Append(OwnedPayload(CanonicalSum(node, [&](uint32_t slice) {
          return LeafOf(*job_, task->step, slice, block, task->weights[block]);
        })));
      }
      SendPush(call, header, floats);
    }
    if (with_push) {
      task->missing += run.size();
    } else {
      Pull(call, task->step + 1, run);
    }
    if (!task->unsent.empty()) Later([=, this] { SendNext(call); });
  }
  // Goes out even if its task is dead by then; may be lost, or come twice.
  void SendPush(const Call& call, const pb::PushHeader& header, const Payload& floats) {
    Later([=, this] {
      if (Draw(6) == 0) SendPush({0, 0}, header, floats);
      if (Draw(12) == 0 && Find(call) != nullptr) return SendPush(call, header, floats);
      const uint32_t host = HostOf(header.block_begin());
      hosts_[host].seen->Push(header, floats, [=, this](const absl::StatusOr<Payload>& reply) {
        Later([=, this] {
          const bool lost = Draw(10) == 0;
          Pushed(call, header, floats, lost ? absl::UnavailableError("lost") : reply);
        });
      });
    });
  }
  void Pushed(const Call& call, const pb::PushHeader& header, const Payload& floats,
              const absl::StatusOr<Payload>& reply) {
    if (absl::IsInvalidArgument(reply.status())) {
      Fail("a push was refused: " + Describe(reply.status()));
    }
    const Task* task = Find(call);
    if (task == nullptr) return;
    if (!absl::IsOutOfRange(reply.status()) &&
        Retry(*task, reply.status(), [=, this] { SendPush(call, header, floats); })) {
      return;
    }
    if (!header.pull()) return;
    if (!reply.ok()) return Pulled(call, header.step() + 1, header.block_begin(), reply);
    Payload::Cutter cutter(*reply);
    for (uint64_t block = header.block_begin(); block < header.block_end(); ++block) {
      const Payload part = cutter.Next(job_->grid.block(block).floats * sizeof(float));
      Pulled(call, header.step() + 1, block, part);
    }
  }

  // ---- what must be true

  std::string Stuck() const {
    std::string out = "nobody can go on:";
    for (const auto& [incarnation, task] : tasks_) {
      absl::StrAppend(&out, " task ", incarnation, " at step ", task.step, " of ", steps_,
                      " waits for ", task.missing, " blocks;");
    }
    for (const Host& host : hosts_) {
      absl::StrAppend(&out, " blocks [", host.range.begin, ", ", host.range.end, ") at version ",
                      host.shard->Report().version(), ";");
    }
    return out;
  }
  std::string CheckEnd() {
    pb::Plan last = plan_;
    last.set_number(plan_.number() + 1);
    last.set_phase(pb::Plan::FINISHED);
    last.set_step(steps_);
    for (const Host& host : hosts_) host.shard->Adopt(last);
    room_.Settle();
    for (const Host& host : hosts_) {
      if (!host.shard->Report().error().empty()) return host.shard->Report().error();
      for (uint64_t block = host.range.begin; block < host.range.end; ++block) {
        pb::GenerationRecord wanted = MakeRecord(steps_, {block, block + 1});
        wanted.set_job(job_->id);
        const auto stored = room_.db().Read(wanted);
        if (!stored.ok()) return Describe(stored.status());
        if (!SameBits(ToFloats(*stored), truth_.At(steps_, block))) {
          return absl::StrCat("block ", block, " was stored with other bits");
        }
      }
    }
    return "";
  }

  ShardRoom& room_;
  const Wrap wrap_;
  DrawnEvents events_;  // first: the others are drawn from it
  const uint64_t steps_;
  int faults_left_;
  const std::shared_ptr<const ShardJob> job_;
  const PlainLoop truth_;
  pb::Plan plan_;
  uint64_t next_incarnation_ = 1;
  std::vector<Host> hosts_;
  std::map<uint64_t, Task> tasks_;  // by incarnation; those that run
  std::string failure_;
};

}  // namespace paracord
