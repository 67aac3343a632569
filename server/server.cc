#include "server/server.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "common/base/daemon.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "common/rpc/remote_coordinator.h"
#include "common/rpc/remote_shard.h"

namespace paracord {
namespace {

// For copies that are nearly done. What is needed to go on is on the disk by then.
constexpr Duration kLanesPatience = seconds(3);

}  // namespace

Server::Options Server::ParseOptions(const ConfigNode& root) {
  Options o;
  ParseMemberOptions(root, &o);
  o.memory = root.Bytes("memory", o.memory);
  o.polling_threads = static_cast<int>(root.Integer("polling_threads", o.polling_threads, {0, 64}));
  root.Finish();
  return o;
}

std::string Server::PrintOptions(const Options& o) {
  return absl::StrCat(PrintMemberOptions(o), "memory: ", o.memory,
                      "\npolling_threads: ", o.polling_threads, "\n");
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const Options& options) {
  SetLogName(options.name);
  SetLogLevel(options.log_level);
  ASSIGN_OR_RETURN(const std::string identity, DirectoryIdentity(options.directory));
  std::unique_ptr<Server> server(new Server());
  server->timer_ = std::make_unique<SystemTimer>();
  ASSIGN_OR_RETURN(server->db_, BlockDb::Open(options.directory + "/blocks"));
  server->storage_ = std::make_unique<StorageThread>();
  server->lanes_ = std::make_unique<Lanes>();
  server->budget_ = std::make_unique<MemoryBudget>(options.memory);
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  server->crew_ = std::make_unique<Crew>(std::max(1, cores));

  const uint64_t incarnation = RandomId();
  auto report = [s = server.get()] {
    const Gate::Pass pass(s->reporting_gate_);
    Member* const member = s->reporting_.load();
    if (pass && member != nullptr) member->ReportNow();
  };
  server->host_ = std::make_unique<ShardHost>(
      options.name, incarnation,
      ShardEnvironment{*server->db_, *server->storage_, *server->lanes_, *server->budget_,
                       *server->timer_, *server->crew_, report,
                       [](const std::string& address) { return MakeRemoteShard(address); }});
  const int threads =
      options.polling_threads > 0 ? options.polling_threads : std::clamp(cores / 2, 1, 4);
  ASSIGN_OR_RETURN(server->service_,
                   ShardService::Start(*server->host_, options.bind, options.advertise, threads));
  server->coordinator_ = MakeRemoteCoordinator(options.scheduler);
  server->member_timer_ = std::make_unique<SystemTimer>();
  const std::string address = server->service_->address();
  RETURN_IF_ERROR(WriteFileAtomically(options.directory + "/address", address + "\n"));
  LogInfo("serving at ", address, ", scheduler ", options.scheduler);

  pb::JoinRequest self;
  self.set_role(pb::SERVER);
  self.set_name(options.name);
  self.set_identity(identity);
  self.set_incarnation(incarnation);
  self.set_address(address);
  self.set_pid(getpid());
  self.set_memory_bytes(options.memory);
  ShardHost* host = server->host_.get();
  Member::Callbacks callbacks;
  callbacks.fill_join = [host](pb::JoinRequest* join) {
    for (pb::StoredRange& range : host->Stored()) *join->add_stored() = std::move(range);
  };
  callbacks.fill_heartbeat = [host](pb::HeartbeatRequest* heartbeat) {
    host->FillHeartbeat(heartbeat);
  };
  callbacks.on_answer = [host](const pb::HeartbeatReply& reply) { host->Drop(reply); };
  // Adopting may run a shard's strand: not on the thread that the lease needs.
  callbacks.on_assignments = [s = server.get()](const pb::WatchReply& reply) {
    s->timer_->RunAfter(Duration::zero(), [s, reply] {
      const Gate::Pass pass(s->adopting_gate_);
      if (pass) s->host_->Adopt(reply);
    });
  };
  server->member_ =
      std::make_unique<Member>(*server->coordinator_, *server->member_timer_, self, callbacks);
  server->reporting_.store(server->member_.get());
  return server;
}

void Server::Stop() {
  if (const absl::Status stored = host_->StopAndStore(); !stored.ok()) {
    LogError("could not store everything: ", Describe(stored));
  }
  member_->Leave();
  reporting_gate_.Close();
  member_.reset();
  adopting_gate_.Close();
  coordinator_.reset();
  member_timer_.reset();
  service_.reset();  // every call has its answer
  // In this order: who writes a generation goes on to its copy. A shard that was still loading may
  // post more, which nobody runs.
  storage_->Close();
  if (!lanes_->Close(kLanesPatience)) {
    LogWarning("copies, or reads from elsewhere, take too long, and are left behind");
    return;
  }
  crew_.reset();
  host_.reset();
}

}  // namespace paracord
