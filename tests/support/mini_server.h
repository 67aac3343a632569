// A server daemon inside the test's process: all of one but the command line, on a directory that
// it may be started on again. Reached through its door in the same process or over loopback.
#pragma once

#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "common/base/daemon.h"
#include "common/base/gate.h"
#include "common/rpc/member.h"
#include "server/block_db.h"
#include "server/lanes.h"
#include "server/memory_budget.h"
#include "server/shard_host.h"
#include "server/shard_service.h"
#include "server/storage_thread.h"

namespace paracord {

// Calls a server in the same process, and says that nobody is there once that has ended.
class ServerDoor : public Shard {
 public:
  explicit ServerDoor(Shard& inside) : inside_(inside) {}
  void Close() { gate_.Close(); }

  void Push(const pb::PushHeader& header, Payload floats, Callback<Payload> done) override {
    Gate::Pass pass(gate_);
    if (!pass) return done(Gone());
    inside_.Push(header, std::move(floats), std::move(done));
  }
  void Pull(const pb::PullHeader& header, Callback<Payload> done) override {
    Gate::Pass pass(gate_);
    if (!pass) return done(Gone());
    inside_.Pull(header, std::move(done));
  }
  void Query(const pb::QueryRequest& request, Callback<pb::QueryReply> done) override {
    Gate::Pass pass(gate_);
    if (!pass) return done(Gone());
    inside_.Query(request, std::move(done));
  }
  void Lease(const pb::LeaseRequest& request, Callback<pb::LeaseReply> done) override {
    Gate::Pass pass(gate_);
    if (!pass) return done(Gone());
    inside_.Lease(request, std::move(done));
  }
  void Norm(const pb::NormRequest& request, Callback<pb::NormReply> done) override {
    Gate::Pass pass(gate_);
    if (!pass) return done(Gone());
    inside_.Norm(request, std::move(done));
  }

 private:
  static absl::Status Gone() { return absl::UnavailableError("connection refused"); }

  Shard& inside_;
  Gate gate_;
};

class MiniServer {
 public:
  struct Options {
    std::string name;
    std::string directory;
    bool loopback = false;
    PeerServers connect = {};  // what it sees of the others
  };
  MiniServer(const Options& options, std::shared_ptr<Coordinator> coordinator);
  ~MiniServer() { Stop(); }
  // From now on the scheduler counts on it.
  void Join();
  // In order: writes its shards, tells the scheduler, ends. Once is enough.
  void Stop();

  const std::string& address() const { return address_; }
  const std::shared_ptr<ServerDoor>& door() const { return door_; }

 private:
  pb::JoinRequest Self() const;
  Member::Callbacks MakeCallbacks();

  const Options options_;
  const std::shared_ptr<Coordinator> coordinator_;
  const std::string identity_;
  const uint64_t incarnation_ = RandomId();
  // In the order in which they must go, last first.
  SystemTimer timer_;
  const std::unique_ptr<BlockDb> db_;
  std::unique_ptr<StorageThread> storage_;
  std::unique_ptr<Lanes> lanes_;
  MemoryBudget budget_{1 << 28};
  Crew crew_{2};
  std::unique_ptr<ShardHost> host_;
  std::shared_ptr<ServerDoor> door_;
  std::unique_ptr<ShardService> service_;
  std::string address_;
  std::unique_ptr<Member> member_;
  std::atomic<Member*> reporting_{nullptr};  // `member_`, once it is there
  Gate reporting_gate_;                      // open while it may be asked to report
};

inline MiniServer::MiniServer(const Options& options, std::shared_ptr<Coordinator> coordinator)
    : options_(options),
      coordinator_(std::move(coordinator)),
      identity_(DirectoryIdentity(options.directory).value()),
      db_(BlockDb::Open(options.directory + "/blocks").value()),
      storage_(std::make_unique<StorageThread>()),
      lanes_(std::make_unique<Lanes>()) {
  const auto report = [this] {
    const Gate::Pass pass(reporting_gate_);
    Member* const member = reporting_.load();
    if (pass && member != nullptr) member->ReportNow();
  };
  host_ = std::make_unique<ShardHost>(
      options.name, incarnation_,
      ShardEnvironment{*db_, *storage_, *lanes_, budget_, timer_, crew_, report, options.connect});
  door_ = std::make_shared<ServerDoor>(*host_);
  address_ = absl::StrCat(options.name, "/", incarnation_);
  if (options.loopback) {
    service_ = ShardService::Start(*door_, "127.0.0.1:0", "", 2).value();
    address_ = service_->address();
  }
}

inline void MiniServer::Join() {
  member_ = std::make_unique<Member>(*coordinator_, timer_, Self(), MakeCallbacks());
  reporting_.store(member_.get());
}

inline pb::JoinRequest MiniServer::Self() const {
  pb::JoinRequest self;
  self.set_role(pb::SERVER);
  self.set_name(options_.name);
  self.set_identity(identity_);
  self.set_incarnation(incarnation_);
  self.set_address(address_);
  self.set_pid(getpid());
  self.set_memory_bytes(budget_.total());
  return self;
}

inline Member::Callbacks MiniServer::MakeCallbacks() {
  Member::Callbacks callbacks;
  callbacks.fill_join = [host = host_.get()](pb::JoinRequest* join) {
    for (pb::StoredRange& range : host->Stored()) *join->add_stored() = std::move(range);
  };
  callbacks.fill_heartbeat = [host = host_.get()](pb::HeartbeatRequest* heartbeat) {
    host->FillHeartbeat(heartbeat);
  };
  callbacks.on_answer = [host = host_.get()](const pb::HeartbeatReply& reply) {
    host->Drop(reply);
  };
  callbacks.on_assignments = [host = host_.get()](const pb::WatchReply& reply) {
    host->Adopt(reply);
  };
  return callbacks;
}

inline void MiniServer::Stop() {
  if (host_ == nullptr) return;
  PARACORD_CHECK(host_->StopAndStore().ok());
  if (member_) member_->Leave();
  reporting_gate_.Close();
  member_.reset();
  service_.reset();
  door_->Close();
  storage_->Close();
  PARACORD_CHECK(lanes_->Close(seconds(60)));
  host_.reset();
}

}  // namespace paracord
