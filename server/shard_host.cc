#include "server/shard_host.h"

#include <set>
#include <utility>

#include "common/base/log.h"
#include "common/base/status.h"
#include "common/job/history.h"
#include "server/checkpoint_copy.h"

namespace paracord {
namespace {

constexpr Duration kExpiryInterval = seconds(1);
constexpr uint64_t kMostSent = 8 << 20;
constexpr auto kStorePatience = std::chrono::seconds(10);

}  // namespace

ShardHost::ShardHost(std::string name, uint64_t incarnation, const ShardEnvironment& environment)
    : name_(std::move(name)), incarnation_(incarnation), environment_(environment) {
  expiry_ = std::make_unique<Periodic>(environment.timer, kExpiryInterval, [this] {
    for (const auto& shard : All()) shard->ExpireWaits();
  });
}

void ShardHost::Adopt(const pb::WatchReply& reply) {
  std::set<std::string> named;
  for (const pb::Assignment& assignment : reply.assignments()) {
    named.insert(assignment.job().id());
    AdoptJob(assignment);
  }
  std::vector<std::shared_ptr<ParameterShard>> dropped;  // destroyed outside the lock
  MutexLock lock(mutex_);
  for (auto it = shards_.begin(); it != shards_.end();) {
    if (named.count(it->first.first) > 0) {
      ++it;
      continue;
    }
    dropped.push_back(std::move(it->second));
    it = shards_.erase(it);
  }
  std::erase_if(jobs_, [&](const auto& job) { return named.count(job.first) == 0; });
  std::erase_if(refused_, [&](const auto& entry) { return named.count(entry.first.first) == 0; });
}

void ShardHost::AdoptJob(const pb::Assignment& assignment) {
  for (const pb::ShardRange& range : assignment.plan().shards()) {
    if (range.server() != name_ || range.incarnation() != incarnation_) continue;
    std::shared_ptr<ParameterShard> shard = Find(assignment.job().id(), range.index());
    if (shard == nullptr) {
      if (assignment.plan().phase() == pb::Plan::CLOSED) continue;
      auto job = JobOf(assignment.job());
      if (job == nullptr) {
        Refuse(assignment, range, absl::InvalidArgumentError("the job's text does not parse here"));
        continue;
      }
      shard = ParameterShard::Create(std::move(job), range, environment_);
      MutexLock lock(mutex_);
      if (stopping_) return;
      shards_[{assignment.job().id(), range.index()}] = shard;
    }
    shard->Adopt(assignment.plan(), assignment.save_at());
  }
  environment_.on_change();
}

std::shared_ptr<const ShardJob> ShardHost::JobOf(const pb::JobText& text) {
  MutexLock lock(mutex_);
  std::shared_ptr<const ShardJob>& job = jobs_[text.id()];
  if (job == nullptr) {
    auto spec = ParseJobOrStatus(text.yaml(), text.directory());
    if (!spec.ok()) {
      LogError("job ", text.id(), ": ", Describe(spec.status()));
      return nullptr;
    }
    job = std::make_shared<const ShardJob>(text.id(), *std::move(spec));
  }
  return job;
}

void ShardHost::Refuse(const pb::Assignment& assignment, const pb::ShardRange& range,
                       const absl::Status& why) {
  pb::ShardReport report;
  report.set_job(assignment.job().id());
  report.set_index(range.index());
  report.set_error_code(CodeName(why.code()));
  report.set_error(std::string(why.message()));
  MutexLock lock(mutex_);
  refused_[{assignment.job().id(), range.index()}] = report;
}

std::shared_ptr<ParameterShard> ShardHost::Find(const std::string& job, uint32_t index) {
  MutexLock lock(mutex_);
  const auto found = shards_.find({job, index});
  return found == shards_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<ParameterShard>> ShardHost::All() {
  MutexLock lock(mutex_);
  std::vector<std::shared_ptr<ParameterShard>> out;
  for (const auto& [key, shard] : shards_) out.push_back(shard);
  return out;
}

// Why there is no such shard.
absl::Status ShardHost::Absent(const std::string& job, uint32_t index) {
  MutexLock lock(mutex_);
  if (stopping_) return absl::UnavailableError("the server is stopping");
  return absl::UnavailableError(
      absl::StrCat("no plan names shard ", index, " of job ", job, " here"));
}

void ShardHost::Push(const pb::PushHeader& header, Payload floats, Callback<Payload> done) {
  const auto shard = Find(header.job(), header.shard());
  if (shard == nullptr) return done(Absent(header.job(), header.shard()));
  shard->Push(header, std::move(floats), std::move(done));
}

void ShardHost::Pull(const pb::PullHeader& header, Callback<Payload> done) {
  if (!header.file().empty()) return SendFile(header, std::move(done));
  const auto shard = Find(header.job(), header.shard());
  if (header.plan() != 0) {
    if (shard == nullptr) return done(Absent(header.job(), header.shard()));
    return shard->Pull(header, std::move(done));
  }
  if (shard == nullptr) return ReadStored(header, std::move(done));
  shard->Pull(header, [this, header, done = std::move(done)](absl::StatusOr<Payload> reply) {
    const bool gone =
        absl::IsOutOfRange(reply.status()) || absl::IsFailedPrecondition(reply.status());
    if (!gone) return done(std::move(reply));
    ReadStored(header, done);
  });
}

bool ShardHost::Stopping() {
  MutexLock lock(mutex_);
  return stopping_;
}

bool ShardHost::PostStorage(std::function<void()> work) {
  MutexLock lock(mutex_);
  if (!stopping_) environment_.storage.Post(std::move(work));
  return !stopping_;
}

void ShardHost::ReadStored(const pb::PullHeader& header, Callback<Payload> done) {
  const auto read = [this, header, done] {
    if (Stopping()) return done(Absent(header.job(), header.shard()));
    pb::GenerationRecord wanted;
    SetHistory(header, &wanted);
    wanted.set_step(header.version());
    wanted.set_block_begin(header.block_begin());
    wanted.set_block_end(header.block_end());
    auto floats = environment_.db.Read(wanted);
    if (absl::IsNotFound(floats.status())) {
      done(absl::OutOfRangeError(floats.status().message()));
    } else {
      done(std::move(floats));
    }
  };
  if (!PostStorage(read)) done(Absent(header.job(), header.shard()));
}

void ShardHost::SendFile(const pb::PullHeader& header, Callback<Payload> done) {
  if (header.length() > kMostSent) {
    return done(absl::InvalidArgumentError(
        absl::StrCat("found a length of ", header.length(), " bytes, at most ", kMostSent)));
  }
  sender_.Post([this, header, done = std::move(done)] {
    done(environment_.db.ReadFile(header.generation(), header.file(), header.offset(),
                                  header.length()));
  });
}

void ShardHost::Verify(const pb::QueryRequest& request, Callback<pb::QueryReply> done) {
  const auto verify = [this, request, done] {
    if (Stopping()) return done(Absent(request.job(), request.shard()));
    pb::GenerationRecord wanted;
    SetHistory(request, &wanted);
    wanted.set_step(request.step());
    wanted.set_ahead(request.ahead());
    wanted.set_block_begin(request.block_begin());
    const absl::Status status = environment_.db.Verify(wanted, request.hash());
    if (!status.ok()) return done(status);
    done(pb::QueryReply());
  };
  if (!PostStorage(verify)) done(Absent(request.job(), request.shard()));
}

void ShardHost::Query(const pb::QueryRequest& request, Callback<pb::QueryReply> done) {
  if (request.verify()) return Verify(request, std::move(done));
  const auto shard = Find(request.job(), request.shard());
  if (request.plan() != 0) {
    if (shard == nullptr) return done(Absent(request.job(), request.shard()));
    return shard->Query(request, std::move(done));
  }
  if (shard == nullptr) return done(QueryStored(request));
  shard->Query(request, [this, request, done = std::move(done)](const auto& reply) {
    done(absl::IsFailedPrecondition(reply.status()) ? QueryStored(request) : reply);
  });
}

// Of a job that has ended: as of its last generation here.
absl::StatusOr<pb::QueryReply> ShardHost::QueryStored(const pb::QueryRequest& request) {
  std::optional<pb::GenerationRecord> newest;
  for (const StoredGeneration& stored : environment_.db.List()) {
    const pb::GenerationRecord& record = stored.record;
    const bool wanted =
        SameHistory(record, request) && record.block_begin() == request.block_begin();
    if (wanted && (!newest.has_value() || record.step() >= newest->step())) newest = record;
  }
  if (!newest.has_value()) {
    return absl::NotFoundError(absl::StrCat("nothing of job ", request.job(), " is stored here"));
  }
  pb::QueryReply reply;
  reply.set_history(newest->history());
  reply.set_version(newest->step());
  reply.set_touched(newest->touched());
  reply.set_samples(newest->samples());
  if (request.audit()) *reply.mutable_epochs() = newest->epochs();
  return reply;
}

void ShardHost::Lease(const pb::LeaseRequest& request, Callback<pb::LeaseReply> done) {
  const auto shard = Find(request.job(), request.shard());
  if (shard == nullptr) return done(Absent(request.job(), request.shard()));
  shard->Lease(request, std::move(done));
}

void ShardHost::Norm(const pb::NormRequest& request, Callback<pb::NormReply> done) {
  const auto shard = Find(request.job(), request.shard());
  if (shard == nullptr) return done(Absent(request.job(), request.shard()));
  shard->Norm(request, std::move(done));
}

std::vector<pb::StoredRange> ShardHost::Stored() const {
  std::vector<pb::StoredRange> out;
  for (const StoredGeneration& stored : environment_.db.List()) {
    pb::StoredRange range;
    SetHistory(stored.record, &range);
    range.set_step(stored.record.step());
    range.set_block_begin(stored.record.block_begin());
    range.set_block_end(stored.record.block_end());
    range.set_bytes(stored.record.bytes());
    range.set_ahead(stored.record.ahead());
    range.set_hash(stored.hash);
    range.set_stall_ms(stored.record.stall_ms());
    range.set_stopped(stored.record.stopped());
    out.push_back(std::move(range));
  }
  return out;
}

void ShardHost::Drop(const pb::HeartbeatReply& reply) {
  for (const pb::StoredRange& range : reply.drop()) {
    pb::GenerationRecord record;
    SetHistory(range, &record);
    record.set_step(range.step());
    record.set_ahead(range.ahead());
    record.set_block_begin(range.block_begin());
    record.set_stopped(range.stopped());
    PostStorage([this, record] {
      if (Stopping()) return;  // the next incarnation is told again
      const auto stored = environment_.db.Find(record);
      const absl::Status dropped = environment_.db.Drop(record);
      if (stored.has_value()) {
        environment_.lanes.Post(CopyLane(record.job()),
                                [record = stored->record] { DropCopy(record); });
      }
      if (!dropped.ok()) LogError("cannot drop step ", record.step(), ": ", Describe(dropped));
    });
  }
}

void ShardHost::FillHeartbeat(pb::HeartbeatRequest* heartbeat) {
  for (const auto& shard : All()) *heartbeat->add_shards() = shard->Report();
  for (pb::StoredRange& range : Stored()) *heartbeat->add_stored() = std::move(range);
  heartbeat->set_memory_used(environment_.budget.used());
  MutexLock lock(mutex_);
  for (const auto& [key, report] : refused_) *heartbeat->add_shards() = report;
}

absl::Status ShardHost::StopAndStore() {
  struct Progress {
    Mutex mutex;
    CondVar changed;
    size_t open ABSL_GUARDED_BY(mutex) = 0;
    absl::Status status ABSL_GUARDED_BY(mutex);
  };
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  auto progress = std::make_shared<Progress>();
  const auto shards = All();
  MutexLock lock(progress->mutex);
  progress->open = shards.size();
  for (const auto& shard : shards) {
    progress->mutex.Unlock();
    shard->StopAndStore(incarnation_, [progress](absl::Status status) {
      MutexLock done(progress->mutex);
      progress->status.Update(status);
      --progress->open;
      progress->changed.NotifyAll();
    });
    progress->mutex.Lock();
  }
  const auto until = std::chrono::steady_clock::now() + kStorePatience;
  while (progress->open > 0) {
    if (!progress->changed.WaitUntil(progress->mutex, until)) {
      return absl::DeadlineExceededError("the disk took too long");
    }
  }
  return progress->status;
}

}  // namespace paracord
