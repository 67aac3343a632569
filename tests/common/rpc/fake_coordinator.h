// A scheduler whose every answer the test gives by hand: calls of members wait here, in the order
// in which they came, until the test answers them. One thread.
#pragma once

#include <deque>
#include <utility>

#include "common/rpc/coordinator.h"

namespace paracord {

class FakeCoordinator : public Coordinator {
 public:
  template <class Request, class Reply>
  struct Call {
    Request request;
    Callback<Reply> done;
  };
  std::deque<Call<pb::JoinRequest, pb::JoinReply>> joins;
  std::deque<Call<pb::HeartbeatRequest, pb::HeartbeatReply>> heartbeats;
  std::deque<Call<pb::WatchRequest, pb::WatchReply>> watches;
  bool answer_heartbeats = false;  // at once: OK, or NotFound while the member is not known
  bool answer_joins = false;       // OK, at once
  bool refuse_joins = false;       // Unavailable, at once
  bool known = true;               // is the member; a join that is answered at once makes it so

  // Answers the oldest call of `calls` and forgets it. The queue is changed first: the answer may
  // bring the next call at once.
  template <class Calls, class Answer>
  static void Reply(Calls& calls, Answer answer) {
    auto done = std::move(calls.front().done);
    calls.pop_front();
    done(std::move(answer));
  }

  void Join(const pb::JoinRequest& request, Callback<pb::JoinReply> done) override {
    if (refuse_joins) return done(absl::UnavailableError("nobody there"));
    joins.push_back({request, std::move(done)});
    if (!answer_joins) return;
    known = true;
    joins.back().done(pb::JoinReply());
  }
  void Heartbeat(const pb::HeartbeatRequest& request, Callback<pb::HeartbeatReply> done) override {
    heartbeats.push_back({request, std::move(done)});
    if (answer_heartbeats && known) heartbeats.back().done(pb::HeartbeatReply());
    if (answer_heartbeats && !known) heartbeats.back().done(absl::NotFoundError("join again"));
  }
  void Watch(const pb::WatchRequest& request, Callback<pb::WatchReply> done) override {
    watches.push_back({request, std::move(done)});
  }
  void ReportTask(const pb::TaskReport&, Callback<pb::TaskReportReply> done) override {
    done(absl::UnimplementedError(""));
  }
  void Submit(const pb::SubmitRequest&, Callback<pb::SubmitReply> done) override {
    done(absl::UnimplementedError(""));
  }
  void GetJob(const pb::GetJobRequest&, Callback<pb::GetJobReply> done) override {
    done(absl::UnimplementedError(""));
  }
  void ListJobs(const pb::ListJobsRequest&, Callback<pb::ListJobsReply> done) override {
    done(absl::UnimplementedError(""));
  }
  void ListNodes(const pb::ListNodesRequest&, Callback<pb::ListNodesReply> done) override {
    done(absl::UnimplementedError(""));
  }
  void Drain(const pb::DrainRequest&, Callback<pb::DrainReply> done) override {
    done(absl::UnimplementedError(""));
  }
  void Cancel(const pb::CancelRequest&, Callback<pb::CancelReply> done) override {
    done(absl::UnimplementedError(""));
  }
  void SetJob(const pb::SetJobRequest&, Callback<pb::SetJobReply> done) override {
    done(absl::UnimplementedError(""));
  }
  void ChangeCheckpoint(const pb::ChangeCheckpointRequest&,
                        Callback<pb::ChangeCheckpointReply> done) override {
    done(absl::UnimplementedError(""));
  }
};

}  // namespace paracord
