#include "worker/work_queue.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace paracord {
namespace {

constexpr Duration kFirstPause = milliseconds(20);
constexpr Duration kLongestPause = milliseconds(200);

// Internal: no work that one could have asked for.
absl::StatusOr<Work> WorkOf(const pb::LeaseReply& reply, uint64_t until, uint32_t slices) {
  Work work{reply.step(), {}};
  const ReductionTree tree(slices);
  uint32_t end = 0;
  for (const pb::LeaseReply::Sum& sum : reply.sums()) {
    const TreeNode node{sum.begin(), sum.end()};
    if (!tree.IsNode(node) || node.begin < end || reply.step() >= until) {
      return absl::InternalError(absl::StrCat("was handed virtual workers [", node.begin, ", ",
                                              node.end, ") of step ", reply.step(), ", expected ",
                                              "nodes of the tree over ", slices,
                                              " from left to right, of a step before ", until));
    }
    work.sums.push_back(node);
    end = node.end;
  }
  return work;
}

}  // namespace

void WorkQueue::Adopt(const pb::Plan& plan, uint32_t rank, const std::shared_ptr<Shard>& shard) {
  MutexLock lock(mutex_);
  // Under the same plan requests go on being numbered: the shard remembers.
  const uint64_t number = request_.plan() == plan.number() ? request_.number() : 0;
  request_.Clear();
  request_.set_job(plan.job());
  request_.set_shard(plan.shards(0).index());
  request_.set_plan(plan.number());
  request_.set_rank(rank);
  request_.set_number(number);
  shard_ = shard;
  server_ = absl::StrCat(plan.shards(0).server(), " at ", plan.shards(0).address());
  answer_.reset();
  spoiled_ = absl::OkStatus();
}

void WorkQueue::Ask(const StartingPoint& start, uint32_t most, uint64_t until, uint32_t slices) {
  {
    MutexLock lock(mutex_);
    request_.set_number(request_.number() + 1);
    request_.set_most(most);
    request_.set_until(until);
    request_.set_version(start.version);
    request_.set_touched(start.touched);
    slices_ = slices;
    request_.clear_done();
    if (request_.number() == 1) request_.mutable_done()->Add(start.done.begin(), start.done.end());
    pause_ = kFirstPause;
    answer_.reset();
  }
  Send();
}

void WorkQueue::Send() {
  pb::LeaseRequest request;
  std::shared_ptr<Shard> shard;
  {
    MutexLock lock(mutex_);
    request = request_;
    shard = shard_.lock();
  }
  if (shard == nullptr) return;  // a newer plan dropped it
  shard->Lease(request, [this, gate = gate_, request](const absl::StatusOr<pb::LeaseReply>& reply) {
    if (Gate::Pass pass(*gate); pass) Answered(request, reply);
  });
}

bool WorkQueue::Current(const pb::LeaseRequest& request) const {
  return request.plan() == request_.plan() && request.number() == request_.number();
}

void WorkQueue::Answered(const pb::LeaseRequest& request,
                         const absl::StatusOr<pb::LeaseReply>& reply) {
  MutexLock lock(mutex_);
  if (!Current(request) || answer_.has_value()) return;
  const absl::Status& status = reply.status();
  if (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)) {
    timer_.RunAfter(pause_, [this, gate = gate_, request] {
      const Gate::Pass pass(*gate);
      if (!pass) return;
      {
        MutexLock inside(mutex_);
        if (!Current(request) || answer_.has_value()) return;
      }
      Send();
    });
    pause_ = std::min(2 * pause_, kLongestPause);
    return;
  }
  if (status.ok()) {
    answer_.emplace(WorkOf(*reply, request.until(), slices_));
  } else {
    answer_.emplace(status);
  }
  if (!answer_->ok()) answer_.emplace(Annotate(answer_->status(), server_));
  changed_.NotifyAll();
}

absl::StatusOr<Work> WorkQueue::Await() {
  MutexLock lock(mutex_);
  if (!answer_.has_value()) waiting_since_ = UnixMilliseconds();
  while (!answer_.has_value() && spoiled_.ok()) changed_.Wait(mutex_);
  waiting_since_ = 0;
  return spoiled_.ok() ? *answer_ : spoiled_;
}

void WorkQueue::Spoil(const absl::Status& status) {
  MutexLock lock(mutex_);
  spoiled_.Update(status);
  changed_.NotifyAll();
}

std::optional<pb::Wait> WorkQueue::CurrentWait() {
  MutexLock lock(mutex_);
  if (waiting_since_ == 0) return std::nullopt;
  pb::Wait wait;
  wait.set_since_unix_ms(waiting_since_);
  wait.set_what(absl::StrCat(server_, " to hand out minibatches"));
  return wait;
}

}  // namespace paracord
