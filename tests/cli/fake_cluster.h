// A scheduler and its servers inside the test's process: answers what the test has set. One job,
// one thread, except where said.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/job/key_range.h"
#include "common/rpc/coordinator.h"
#include "common/rpc/shard.h"
#include "scheduler/cli/scheduler_client.h"

namespace paracord {

// Answers GetJob with `reply` (or `error`), everything else with what is set for it.
class FakeCoordinator : public Coordinator {
 public:
  pb::GetJobReply reply;
  pb::ListJobsReply jobs;
  pb::ListNodesReply nodes;
  absl::Status error;                // if not OK: of every call
  std::function<void()> before_job;  // called before each GetJob; may change `reply` and `error`
  std::vector<pb::SubmitRequest> submitted;
  std::vector<pb::SetJobRequest> set;
  std::vector<pb::DrainRequest> drained;
  std::vector<pb::ChangeCheckpointRequest> changed;
  int calls = 0;

  void GetJob(const pb::GetJobRequest& request, Callback<pb::GetJobReply> done) override {
    if (before_job) before_job();
    if (error.ok() && request.id() != reply.status().id()) {
      done(absl::NotFoundError("no job '" + request.id() + "'; there are: " + reply.status().id()));
    } else {
      Answer(reply, done);
    }
  }
  void ListJobs(const pb::ListJobsRequest&, Callback<pb::ListJobsReply> done) override {
    Answer(jobs, done);
  }
  void ListNodes(const pb::ListNodesRequest&, Callback<pb::ListNodesReply> done) override {
    Answer(nodes, done);
  }
  void Submit(const pb::SubmitRequest& request, Callback<pb::SubmitReply> done) override {
    submitted.push_back(request);
    pb::SubmitReply answer;
    answer.set_id(reply.status().id());
    Answer(answer, done);
  }
  void Drain(const pb::DrainRequest& request, Callback<pb::DrainReply> done) override {
    drained.push_back(request);
    pb::DrainReply answer;
    answer.set_draining(request.draining());
    answer.set_tasks(request.draining() ? 2 : 0);
    Answer(answer, done);
  }
  void Cancel(const pb::CancelRequest&, Callback<pb::CancelReply> done) override {
    pb::CancelReply answer;
    answer.set_state(pb::CANCELLED);
    Answer(answer, done);
  }
  void SetJob(const pb::SetJobRequest& request, Callback<pb::SetJobReply> done) override {
    set.push_back(request);
    pb::SetJobReply answer;
    answer.set_plan(reply.plan().number());
    Answer(answer, done);
  }
  void ChangeCheckpoint(const pb::ChangeCheckpointRequest& request,
                        Callback<pb::ChangeCheckpointReply> done) override {
    changed.push_back(request);
    pb::ChangeCheckpointReply answer;
    answer.set_step(request.step());
    Answer(answer, done);
  }
  void Join(const pb::JoinRequest&, Callback<pb::JoinReply> done) override { Refuse(done); }
  void Heartbeat(const pb::HeartbeatRequest&, Callback<pb::HeartbeatReply> done) override {
    Refuse(done);
  }
  void Watch(const pb::WatchRequest&, Callback<pb::WatchReply> done) override { Refuse(done); }
  void ReportTask(const pb::TaskReport&, Callback<pb::TaskReportReply> done) override {
    Refuse(done);
  }

 private:
  template <class Reply>
  void Answer(const Reply& answer, const Callback<Reply>& done) {
    ++calls;
    if (error.ok()) {
      done(answer);
    } else {
      done(error);
    }
  }
  template <class Reply>
  static void Refuse(const Callback<Reply>& done) {
    done(absl::UnimplementedError("people do not call this"));
  }
};

// Forwards to a coordinator that the test keeps.
class BorrowedCoordinator : public Coordinator {
 public:
  explicit BorrowedCoordinator(Coordinator& to) : to_(to) {}
  void Join(const pb::JoinRequest& r, Callback<pb::JoinReply> d) override { to_.Join(r, d); }
  void Heartbeat(const pb::HeartbeatRequest& r, Callback<pb::HeartbeatReply> d) override {
    to_.Heartbeat(r, d);
  }
  void Watch(const pb::WatchRequest& r, Callback<pb::WatchReply> d) override { to_.Watch(r, d); }
  void ReportTask(const pb::TaskReport& r, Callback<pb::TaskReportReply> d) override {
    to_.ReportTask(r, d);
  }
  void Submit(const pb::SubmitRequest& r, Callback<pb::SubmitReply> d) override {
    to_.Submit(r, d);
  }
  void GetJob(const pb::GetJobRequest& r, Callback<pb::GetJobReply> d) override {
    to_.GetJob(r, d);
  }
  void ListJobs(const pb::ListJobsRequest& r, Callback<pb::ListJobsReply> d) override {
    to_.ListJobs(r, d);
  }
  void ListNodes(const pb::ListNodesRequest& r, Callback<pb::ListNodesReply> d) override {
    to_.ListNodes(r, d);
  }
  void Drain(const pb::DrainRequest& r, Callback<pb::DrainReply> d) override { to_.Drain(r, d); }
  void Cancel(const pb::CancelRequest& r, Callback<pb::CancelReply> d) override {
    to_.Cancel(r, d);
  }
  void SetJob(const pb::SetJobRequest& r, Callback<pb::SetJobReply> d) override {
    to_.SetJob(r, d);
  }
  void ChangeCheckpoint(const pb::ChangeCheckpointRequest& r,
                        Callback<pb::ChangeCheckpointReply> d) override {
    to_.ChangeCheckpoint(r, d);
  }

 private:
  Coordinator& to_;
};

// The value of float `index` of tensor `tensor` at version `version`: whoever mixes up tensors,
// order or versions is seen.
inline float WeightAt(uint32_t tensor, uint64_t index, uint64_t version) {
  return static_cast<float>(tensor) * 1000.0f + static_cast<float>(index % 997) +
         static_cast<float>(version) * 0.25f;
}

// What the servers of one job hold, shared by its shards.
struct FakeJob {
  explicit FakeJob(BlockGrid job_grid) : grid(std::move(job_grid)) {}

  BlockGrid grid;
  uint64_t version = 0;          // the newest, of all blocks
  std::vector<uint64_t> stored;  // served at any time
  // Each message makes the job do a step and drop the version before; when a whole version is
  // parked for, the job gets there by itself.
  bool fast = false;
  size_t pieces = 0;                  // that a whole version is read in
  uint64_t last = 1000000;            // version it ends at
  int failures = 0;                   // so many next calls answer Unavailable
  pb::QueryReply audit;               // what audits are answered
  std::vector<pb::PullHeader> pulls;  // as they came
  // Parked pulls by version.
  std::multimap<uint64_t, std::function<void()>> parked;

  void Step() {
    if (version < last) ++version;
    while (!parked.empty() && parked.begin()->first <= version) {
      auto answer = std::move(parked.begin()->second);
      parked.erase(parked.begin());
      answer();
    }
  }
};

class FakeShard : public Shard {
 public:
  explicit FakeShard(std::shared_ptr<FakeJob> job) : job_(std::move(job)) {}

  void Push(const pb::PushHeader&, Payload, Callback<Payload> done) override {
    done(absl::UnimplementedError("a reader does not push"));
  }
  void Query(const pb::QueryRequest& request, Callback<pb::QueryReply> done) override {
    if (Fails()) return done(absl::UnavailableError("server is away"));
    pb::QueryReply reply = request.audit() ? job_->audit : pb::QueryReply();
    reply.set_history(1);
    reply.set_version(job_->version);
    done(reply);
    if (job_->fast) job_->Step();
  }
  void Lease(const pb::LeaseRequest&, Callback<pb::LeaseReply> done) override {
    done(absl::UnimplementedError("a reader does not compute"));
  }
  void Pull(const pb::PullHeader& header, Callback<Payload> done) override {
    job_->pulls.push_back(header);
    if (Fails()) return done(absl::UnavailableError("server is away"));
    const bool stored = std::count(job_->stored.begin(), job_->stored.end(), header.version()) > 0;
    if (!stored && header.version() < job_->version) {
      done(absl::OutOfRangeError("that version is gone"));
    } else if (!stored && header.version() > job_->version) {
      job_->parked.emplace(header.version(), [this, header, done] { done(Blocks(header)); });
    } else {
      done(Blocks(header));
    }
    if (job_->fast) job_->Step();
    while (job_->fast && job_->parked.size() == job_->pieces) job_->Step();
  }

 private:
  bool Fails() { return job_->failures > 0 && job_->failures-- > 0; }

  Payload Blocks(const pb::PullHeader& header) const {
    Payload payload;
    for (uint64_t number = header.block_begin(); number < header.block_end(); ++number) {
      const BlockInfo& block = job_->grid.block(number);
      auto floats = std::make_shared<std::vector<float>>(block.floats);
      for (uint32_t i = 0; i < block.floats; ++i) {
        (*floats)[i] = WeightAt(block.tensor, block.offset + i, header.version());
      }
      payload.Append(Payload(floats->data(), floats->size(), floats));
    }
    return payload;
  }

  std::shared_ptr<FakeJob> job_;
};

inline std::unique_ptr<SchedulerClient> ClientOf(Coordinator& coordinator) {
  return std::make_unique<SchedulerClient>(ClusterAddress{"127.0.0.1:1", "the test"},
                                           std::make_unique<BorrowedCoordinator>(coordinator));
}

}  // namespace paracord
