// All shards of a server: makes them as plans say, routes calls to them, tells what they hold.
// Readers of a job that has ended are served from disk. Any thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/periodic.h"
#include "common/rpc/shard.h"
#include "proto/coordinator.pb.h"
#include "server/parameter_shard.h"

namespace paracord {

class ShardHost : public Shard {
 public:
  ShardHost(std::string name, uint64_t incarnation, const ShardEnvironment& environment);

  // All that this server is to do; shards that nobody names any more are dropped.
  void Adopt(const pb::WatchReply& assignments);

  void Push(const pb::PushHeader& header, Payload floats, Callback<Payload> done) override;
  void Pull(const pb::PullHeader& header, Callback<Payload> done) override;
  void Query(const pb::QueryRequest& request, Callback<pb::QueryReply> done) override;
  void Lease(const pb::LeaseRequest& request, Callback<pb::LeaseReply> done) override;
  void Norm(const pb::NormRequest& request, Callback<pb::NormReply> done) override;

  // What is on disk, written completely.
  std::vector<pb::StoredRange> Stored() const;
  void FillHeartbeat(pb::HeartbeatRequest* heartbeat);
  // What the scheduler says that nobody needs any more goes from the disk.
  void Drop(const pb::HeartbeatReply& reply);
  // Orderly stop: every shard writes what it has, and from now on calls are answered with
  // Unavailable and plans are not followed; returns when all have, at most after 10 s.
  absl::Status StopAndStore();

 private:
  using Key = std::pair<std::string, uint32_t>;  // job, index of the shard

  std::shared_ptr<ParameterShard> Find(const std::string& job, uint32_t index);
  std::vector<std::shared_ptr<ParameterShard>> All();
  void AdoptJob(const pb::Assignment& assignment);
  std::shared_ptr<const ShardJob> JobOf(const pb::JobText& text);
  void Refuse(const pb::Assignment& assignment, const pb::ShardRange& range,
              const absl::Status& why);
  // A stop waits for no more than what its shards have to write.
  bool Stopping();
  // Posts to the storage thread; false: the server stops.
  bool PostStorage(std::function<void()> work);
  void ReadStored(const pb::PullHeader& header, Callback<Payload> done);
  absl::StatusOr<pb::QueryReply> QueryStored(const pb::QueryRequest& request);
  void SendFile(const pb::PullHeader& header, Callback<Payload> done);
  void Verify(const pb::QueryRequest& request, Callback<pb::QueryReply> done);
  absl::Status Absent(const std::string& job, uint32_t index);

  const std::string name_;
  const uint64_t incarnation_;
  const ShardEnvironment environment_;

  Mutex mutex_;
  std::map<Key, std::shared_ptr<ParameterShard>> shards_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<const ShardJob>> jobs_ ABSL_GUARDED_BY(mutex_);
  std::map<Key, pb::ShardReport> refused_
      ABSL_GUARDED_BY(mutex_);  // assignments that cannot be followed
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  // Reads for other servers: whoever restores there waits for it, and no checkpoint here does.
  StorageThread sender_;
  std::unique_ptr<Periodic> expiry_;  // last: it looks at the rest
};

}  // namespace paracord
