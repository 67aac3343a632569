#include "worker/worker.h"

#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/child_process.h"
#include "common/base/daemon.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "common/rpc/remote_coordinator.h"
#include "worker/tensor/compute_class.h"

namespace paracord {
namespace {

constexpr Duration kTaskGrace = milliseconds(1500);  // within the 2 s that a stop may take

}  // namespace

Worker::Options Worker::ParseOptions(const ConfigNode& root) {
  Options o;
  ParseMemberOptions(root, &o);
  o.slots = static_cast<uint32_t>(root.Integer("slots", o.slots, {1, 1024}));
  o.threads = static_cast<int>(root.Integer("threads", o.threads, {0, 1024}));
  root.Finish();
  if (o.threads == 0) {
    o.threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency() / o.slots));
  }
  return o;
}

std::string Worker::PrintOptions(const Options& o) {
  return absl::StrCat(PrintMemberOptions(o), "slots: ", o.slots, "\nthreads: ", o.threads, "\n");
}

absl::StatusOr<std::unique_ptr<Worker>> Worker::Start(const Options& options) {
  SetLogName(options.name);
  SetLogLevel(options.log_level);
  ASSIGN_OR_RETURN(const std::string identity, DirectoryIdentity(options.directory));
  std::unique_ptr<Worker> worker(new Worker(options));
  Worker* self = worker.get();
  worker->timer_ = std::make_unique<SystemTimer>();
  worker->coordinator_ = MakeRemoteCoordinator(options.scheduler);
  const std::string binary = BinaryDirectory() + "/paracord-worker";
  ASSIGN_OR_RETURN(worker->service_,
                   NodeService::Start(options.bind, options.advertise,
                                      {binary, options.directory, options.threads, options.slots}));
  const std::string address = worker->service_->address();
  RETURN_IF_ERROR(WriteFileAtomically(options.directory + "/address", address + "\n"));
  worker->tasks_ =
      std::make_unique<TaskKeeper>(TaskKeeper::Options{binary, options.directory, options.scheduler,
                                                       options.name, options.threads},
                                   [self] {
                                     if (Member* member = self->reporting_.load())
                                       member->ReportNow();
                                   });

  const ComputeClass compute = CpuComputeClass();
  pb::JoinRequest join;
  join.set_role(pb::WORKER);
  join.set_name(options.name);
  join.set_identity(identity);
  join.set_incarnation(RandomId());
  join.set_address(address);
  join.set_pid(getpid());
  join.set_slots(options.slots);
  join.mutable_compute()->set_device(compute.device);
  join.mutable_compute()->set_isa(compute.isa);
  join.mutable_compute()->set_library(compute.library);
  Member::Callbacks callbacks;
  callbacks.fill_join = [](pb::JoinRequest*) {};
  callbacks.fill_heartbeat = [self](pb::HeartbeatRequest* heartbeat) {
    for (pb::TaskProcess& task : self->tasks_->Processes())
      *heartbeat->add_tasks() = std::move(task);
  };
  callbacks.on_assignments = [self, incarnation = join.incarnation()](const pb::WatchReply& reply) {
    self->Adopt(reply, incarnation);
  };
  LogInfo("logs at ", address, ", ", options.slots, " slots of ", options.threads, " threads, ",
          compute.device, " ", compute.isa, " ", compute.library, ", scheduler ",
          options.scheduler);
  worker->member_ =
      std::make_unique<Member>(*worker->coordinator_, *worker->timer_, join, callbacks);
  worker->reporting_.store(worker->member_.get());
  return worker;
}

void Worker::Adopt(const pb::WatchReply& reply, uint64_t incarnation) {
  std::vector<TaskKeeper::Wanted> wanted;
  for (const pb::Assignment& assignment : reply.assignments()) {
    for (const pb::TaskSlot& slot : assignment.plan().tasks()) {
      if (slot.worker() != options_.name || slot.worker_incarnation() != incarnation) continue;
      wanted.push_back({assignment.job().id(), slot.rank(), slot.incarnation(),
                        assignment.plan().compute().isa()});
    }
  }
  tasks_->SetWanted(std::move(wanted));
}

void Worker::Stop() {
  tasks_->StopAll(kTaskGrace);
  member_->Leave();  // tells how the tasks have ended; asks for their state no more
  tasks_.reset();    // before the member: its thread may be about to report the last task's end
  member_.reset();
  service_.reset();
}

}  // namespace paracord
