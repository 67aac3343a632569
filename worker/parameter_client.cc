#include "worker/parameter_client.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/base/status.h"
#include "common/rpc/wait.h"

namespace paracord {
namespace {

// A message's largest size, in whole blocks: a call costs as much as some 200 KiB.
constexpr uint64_t kMessageBlocks = (2 << 20) / (kBlockFloats * sizeof(float));
constexpr Duration kFirstPause = milliseconds(20);
constexpr Duration kLongestPause = milliseconds(200);

std::string Describe(const pb::ShardRange& range) {
  return absl::StrCat(range.server(), " at ", range.address());
}

}  // namespace

// With `push`, the gradient is on its way; without, only the answer is wanted.
struct ParameterClient::Message {
  uint64_t epoch = 0;
  std::optional<pb::PushHeader> push;
  Payload floats;  // of the push
  pb::PullHeader pull;
  bool lands = true;  // its answer is for the weights: not that of a push that others complete
  BlockRange blocks;
  std::string server;
  std::weak_ptr<Shard> shard;  // owned by the client: a callback must never hold the last reference
  Duration pause = kFirstPause;
  absl::Status last;  // why it was sent again
};

ParameterClient::ParameterClient(const BlockGrid& grid, Timer& timer, Connect connect)
    : grid_(grid),
      timer_(timer),
      work_(timer),
      connect_(std::move(connect)),
      weights_(grid.Floats({0, grid.blocks()})) {}

ParameterClient::~ParameterClient() {
  gate_->Close();
  shards_.clear();
}

void ParameterClient::Adopt(const pb::Plan& plan, uint32_t rank) {
  std::map<std::string, std::shared_ptr<Shard>>
      dropped;  // destroyed outside the lock: it waits for callbacks
  std::set<std::shared_ptr<Message>> forgotten;
  {
    MutexLock lock(mutex_);
    ++epoch_;
    while (landing_ > 0) changed_.Wait(mutex_);
    spoiled_ = absl::OkStatus();
    forgotten.swap(open_);
    missing_.assign(grid_.blocks(), false);
    wait_.reset();
  }
  forgotten.clear();
  plan_ = plan;
  rank_ = rank;
  dropped.swap(shards_);
  for (const pb::ShardRange& range : plan.shards()) {
    const std::string key = absl::StrCat(range.address(), "/", range.incarnation());
    const auto known = dropped.find(key);
    if (known != dropped.end()) {
      shards_[key] = known->second;
    } else if (shards_.count(key) == 0) {
      shards_[key] = connect_(range);
    }
  }
  if (plan.shards_size() > 0) work_.Adopt(plan, rank, ShardOf(plan.shards(0)));
  MutexLock lock(mutex_);
  if (stopping_) work_.Spoil(absl::CancelledError("the task is to stop"));
}

void ParameterClient::Spoil(const absl::Status& status) {
  work_.Spoil(status);
  if (spoiled_.ok()) spoiled_ = status;
  changed_.NotifyAll();
}

void ParameterClient::Interrupt() {
  MutexLock lock(mutex_);
  Spoil(absl::FailedPreconditionError("a newer plan is there"));
}

void ParameterClient::Stop() {
  MutexLock lock(mutex_);
  stopping_ = true;
  work_.Spoil(absl::CancelledError("the task is to stop"));
  changed_.NotifyAll();
}

std::shared_ptr<Shard> ParameterClient::ShardOf(const pb::ShardRange& range) {
  return shards_.at(absl::StrCat(range.address(), "/", range.incarnation()));
}

absl::Status ParameterClient::Pause(Duration pause, const std::string& why) {
  MutexLock lock(mutex_);
  if (!wait_) {
    wait_.emplace();
    wait_->set_since_unix_ms(UnixMilliseconds());
  }
  wait_->set_what(why);
  const TimePoint until = Clock::now() + pause;
  while (spoiled_.ok() && !stopping_ && changed_.WaitUntil(mutex_, until)) {
  }
  if (!spoiled_.ok()) return spoiled_;
  return stopping_ ? absl::CancelledError("the task is to stop") : absl::OkStatus();
}

absl::StatusOr<StartingPoint> ParameterClient::FindStart(uint32_t slices, uint64_t total_steps) {
  absl::StatusOr<StartingPoint> start = AskAll(slices, total_steps);
  MutexLock lock(mutex_);
  wait_.reset();
  return start;
}

absl::StatusOr<StartingPoint> ParameterClient::AskAll(uint32_t slices, uint64_t total_steps) {
  std::vector<pb::QueryReply> replies;
  for (const pb::ShardRange& range : plan_.shards()) {
    ASSIGN_OR_RETURN(replies.emplace_back(), AskOne(range));
    const absl::Status possible = CheckReply(replies.back(), slices, total_steps);
    if (!possible.ok()) return Annotate(possible, Describe(range));
  }
  return StartOf(replies, slices);
}

absl::StatusOr<pb::QueryReply> ParameterClient::AskOne(const pb::ShardRange& range) {
  pb::QueryRequest request;
  request.set_job(plan_.job());
  request.set_shard(range.index());
  request.set_plan(plan_.number());
  for (Duration pause = kFirstPause;; pause = std::min(2 * pause, kLongestPause)) {
    auto reply = ::paracord::Await<pb::QueryReply>(
        [&](auto done) { ShardOf(range)->Query(request, std::move(done)); });
    const absl::Status& status = reply.status();
    if (!absl::IsUnavailable(status) && !absl::IsDeadlineExceeded(status)) return reply;
    RETURN_IF_ERROR(
        Pause(pause, absl::StrCat(Describe(range), ": ", std::string(status.message()))));
  }
}

void ParameterClient::ForEachPart(
    BlockRange blocks, const std::function<void(const pb::ShardRange&, BlockRange)>& visit) {
  for (const pb::ShardRange& range : plan_.shards()) {
    const uint64_t begin = std::max<uint64_t>(blocks.begin, range.block_begin());
    const uint64_t end = std::min<uint64_t>(blocks.end, range.block_end());
    if (begin >= end) continue;
    const uint64_t parts = (end - begin + kMessageBlocks - 1) / kMessageBlocks;
    for (uint64_t i = 0; i < parts; ++i) {
      visit(range, {begin + (end - begin) * i / parts, begin + (end - begin) * (i + 1) / parts});
    }
  }
}

std::shared_ptr<ParameterClient::Message> ParameterClient::NewMessage(const pb::ShardRange& range,
                                                                      BlockRange blocks,
                                                                      uint64_t version) {
  auto message = std::make_shared<Message>();
  message->blocks = blocks;
  message->server = Describe(range);
  message->shard = ShardOf(range);
  message->pull.set_job(plan_.job());
  message->pull.set_shard(range.index());
  message->pull.set_plan(plan_.number());
  message->pull.set_version(version);
  message->pull.set_block_begin(blocks.begin);
  message->pull.set_block_end(blocks.end);
  return message;
}

void ParameterClient::StartAll(const std::vector<std::shared_ptr<Message>>& messages) {
  {
    MutexLock lock(mutex_);
    for (const auto& message : messages) {
      message->epoch = epoch_;
      open_.insert(message);
      if (!message->lands) continue;
      for (uint64_t b = message->blocks.begin; b < message->blocks.end; ++b) missing_[b] = true;
    }
  }
  for (const auto& message : messages) Start(message);
}

void ParameterClient::Fetch(BlockRange blocks, uint64_t version) {
  std::vector<std::shared_ptr<Message>> messages;
  ForEachPart(blocks, [&](const pb::ShardRange& range, BlockRange part) {
    messages.push_back(NewMessage(range, part, version));
  });
  StartAll(messages);
}

void ParameterClient::FetchNewest(uint64_t step, uint64_t total_steps) {
  std::vector<std::shared_ptr<Message>> messages;
  ForEachPart({0, grid_.blocks()}, [&](const pb::ShardRange& range, BlockRange part) {
    messages.push_back(NewMessage(range, part, step));
    messages.back()->pull.set_newest(step < total_steps);
  });
  StartAll(messages);
}

pb::PushHeader ParameterClient::NewPush(const Message& message, uint64_t step, uint64_t total_steps,
                                        const TreeNode& node) {
  pb::PushHeader header;
  header.set_job(plan_.job());
  header.set_shard(message.pull.shard());
  header.set_plan(plan_.number());
  header.set_step(step);
  header.set_total_steps(total_steps);
  header.set_samples(samples_);
  header.set_block_begin(message.blocks.begin);
  header.set_block_end(message.blocks.end);
  header.set_node_begin(node.begin);
  header.set_node_end(node.end);
  header.set_rank(rank_);
  header.set_pull(message.lands);
  return header;
}

void ParameterClient::Push(uint64_t step, uint64_t total_steps, BlockRange blocks,
                           const std::vector<TreeSum::Partial>& sums) {
  std::vector<std::shared_ptr<Message>> messages;
  for (const TreeSum::Partial& sum : sums) {
    Payload::Cutter cutter(sum.floats);
    ForEachPart(blocks, [&](const pb::ShardRange& range, BlockRange part) {
      auto message = NewMessage(range, part, step + 1);
      message->lands = &sum == &sums.back();
      message->floats = cutter.Next(grid_.Floats(part) * sizeof(float));
      message->push = NewPush(*message, step, total_steps, sum.node);
      messages.push_back(std::move(message));
    });
  }
  StartAll(messages);
}

void ParameterClient::PushMinibatches(uint64_t step, uint64_t total_steps, BlockRange blocks,
                                      const TreeSum::Partial& sum,
                                      std::optional<uint64_t> next_step) {
  const uint64_t next = next_step.value_or(0);
  std::vector<std::shared_ptr<Message>> messages;
  Payload::Cutter cutter(sum.floats);
  ForEachPart(blocks, [&](const pb::ShardRange& range, BlockRange part) {
    auto message = NewMessage(range, part, next);
    message->pull.set_newest(next < total_steps);
    message->lands = next_step.has_value();
    message->floats = cutter.Next(grid_.Floats(part) * sizeof(float));
    pb::PushHeader header = NewPush(*message, step, total_steps, sum.node);
    header.set_minibatch(true);
    header.set_next_step(next);
    message->push = header;
    messages.push_back(std::move(message));
  });
  StartAll(messages);
}

void ParameterClient::Start(const std::shared_ptr<Message>& message) {
  const std::shared_ptr<Shard> shard = message->shard.lock();
  if (shard == nullptr) return;  // a newer plan dropped it
  auto answered = [this, gate = gate_, message](const absl::StatusOr<Payload>& reply) {
    if (Gate::Pass pass(*gate); pass) Answered(message, reply);
  };
  if (message->push) {
    const pb::PushHeader header = *message->push;  // an answer may end it
    shard->Push(header, message->floats, std::move(answered));
  } else {
    shard->Pull(message->pull, std::move(answered));
  }
}

void ParameterClient::Answered(const std::shared_ptr<Message>& message,
                               const absl::StatusOr<Payload>& reply) {
  const absl::Status& status = reply.status();
  MutexLock lock(mutex_);
  if (message->epoch != epoch_ || open_.count(message) == 0) return;
  if (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status))
    return Again(message, status);
  if (absl::IsCancelled(status)) return Spoil(absl::FailedPreconditionError(status.message()));
  if (!status.ok()) return Spoil(Annotate(status, message->server));
  if (message->lands) {
    if (message->push && reply->size() == 0) {
      message->push.reset();
      message->floats = Payload();
      return Again(message, absl::DeadlineExceededError("taken; its version is not there yet"));
    }
    if (reply->size() != grid_.Floats(message->blocks) * sizeof(float)) {
      return Spoil(absl::InternalError(
          absl::StrCat(message->server, " answered ", reply->size(), " bytes, expected ",
                       grid_.Floats(message->blocks) * sizeof(float))));
    }
    ++landing_;
    mutex_.Unlock();
    Land(*message, *reply);
    mutex_.Lock();
    --landing_;
    changed_.NotifyAll();
    if (message->epoch != epoch_) return;
    for (uint64_t b = message->blocks.begin; b < message->blocks.end; ++b) missing_[b] = false;
  }
  open_.erase(message);
  changed_.NotifyAll();
}

void ParameterClient::Land(const Message& message, const Payload& floats) {
  floats.CopyTo(weights_.data() + grid_.FloatsOf(message.blocks).begin);
}

void ParameterClient::Again(const std::shared_ptr<Message>& message, const absl::Status& status) {
  message->last = status;
  Duration pause{0};  // after a deadline nobody need wait any more
  if (absl::IsUnavailable(status)) {
    pause = message->pause;
    message->pause = std::min(2 * message->pause, kLongestPause);
  }
  auto gate = gate_;
  timer_.RunAfter(pause, [this, gate, message] {
    Gate::Pass pass(*gate);
    if (!pass) return;
    {
      MutexLock lock(mutex_);
      if (message->epoch != epoch_) return;
    }
    Start(message);
  });
}

absl::Status ParameterClient::Await(BlockRange blocks) {
  MutexLock lock(mutex_);
  if (waiting_++ == 0) waiting_since_ = UnixMilliseconds();
  absl::Status status;
  uint64_t block = blocks.begin;  // all before are there
  while (status.ok()) {
    while (block < blocks.end && !missing_[block]) ++block;
    if (block == blocks.end) break;
    if (!spoiled_.ok()) {
      status = spoiled_;
    } else if (stopping_) {
      status = absl::CancelledError("the task is to stop");
    } else {
      changed_.Wait(mutex_);
    }
  }
  --waiting_;
  return status;
}

absl::Status ParameterClient::AwaitAll() { return Await({0, grid_.blocks()}); }

std::optional<pb::Wait> ParameterClient::CurrentWait() {
  MutexLock lock(mutex_);
  if (wait_) return wait_;
  if (auto wait = work_.CurrentWait()) return wait;
  if (waiting_ == 0 || open_.empty()) return std::nullopt;
  const Message* worst = nullptr;
  for (const auto& message : open_) {
    const bool refused = !message->last.ok() && !absl::IsDeadlineExceeded(message->last);
    if (worst == nullptr || refused) worst = message.get();
  }
  pb::Wait wait;
  wait.set_since_unix_ms(waiting_since_);
  if (!worst->last.ok() && !absl::IsDeadlineExceeded(worst->last)) {
    wait.set_what(absl::StrCat(worst->server, ": ", std::string(worst->last.message())));
  } else if (!worst->lands) {
    wait.set_what(absl::StrCat(worst->server, " to take gradients of step ", worst->push->step()));
  } else {
    wait.set_what(absl::StrCat("version ", worst->pull.version(), " of the weights from ",
                               worst->server, ": the other tasks' gradients are not all there"));
  }
  return wait;
}

}  // namespace paracord
