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
#include "common/base/units.h"
#include "common/rpc/remote_coordinator.h"
#include "worker/gpu_discovery.h"
#include "worker/tensor/compute_class.h"

namespace paracord {
namespace {

constexpr Duration kTaskGrace = milliseconds(1500);  // within the 2 s that a stop may take
constexpr Duration kGpuPatience = seconds(15);       // a driver that wakes eight cards is slow

void FillCompute(pb::JoinRequest* join) {
  const ComputeClass compute = CpuComputeClass();
  join->mutable_compute()->set_device(compute.device);
  join->mutable_compute()->set_isa(compute.isa);
  join->mutable_compute()->set_library(compute.library);
}

absl::Status CheckHasRoom(const pb::JoinRequest& join) {
  if (join.slots() > 0 || !join.gpus().empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "slots: found 0 on a worker without GPUs; expected at least 1 (", join.no_gpus(), ")"));
}

void LogOffer(const pb::JoinRequest& join) {
  for (const pb::Gpu& gpu : join.gpus()) {
    LogInfo("GPU ", gpu.index(), ": ", gpu.name(), ", ", gpu.compute().isa(), " ",
            gpu.compute().library(), ", ", FormatBytes(gpu.memory_bytes()), ", ", gpu.slots(),
            gpu.slots() == 1 ? " task" : " tasks");
  }
  if (join.gpus().empty()) LogInfo("no GPU: ", join.no_gpus());
}

}  // namespace

Worker::Options Worker::ParseOptions(const ConfigNode& root) {
  Options o;
  ParseMemberOptions(root, &o);
  o.slots = static_cast<uint32_t>(root.Integer("slots", o.slots, {0, 1024}));
  o.threads = static_cast<int>(root.Integer("threads", o.threads, {0, 1024}));
  o.gpus = ParseGpus(root);
  o.gpu_memory_fraction = root.Number("gpu_memory_fraction", o.gpu_memory_fraction,
                                      {.low = 0, .high = 1, .above_low = true});
  root.Finish();
  if (o.threads == 0) {
    const uint32_t slots = std::max(1u, o.slots);
    o.threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency() / slots));
  }
  return o;
}

std::string Worker::PrintOptions(const Options& o) {
  return absl::StrCat(PrintMemberOptions(o), "slots: ", o.slots, "\nthreads: ", o.threads,
                      "\ngpus: ", PrintGpus(o.gpus),
                      "\ngpu_memory_fraction: ", o.gpu_memory_fraction, "\n");
}

absl::StatusOr<std::unique_ptr<Worker>> Worker::Start(const Options& options) {
  return Start(options, [&options] {
    return AskForGpus(BinaryDirectory() + "/paracord-worker", options.directory + "/gpus.log",
                      kGpuPatience);
  });
}

absl::StatusOr<std::unique_ptr<Worker>> Worker::Start(const Options& options,
                                                      const GpuFinder& find) {
  SetLogName(options.name);
  SetLogLevel(options.log_level);
  ASSIGN_OR_RETURN(const std::string identity, DirectoryIdentity(options.directory));
  pb::JoinRequest join;
  RETURN_IF_ERROR(OfferGpus(options.gpus, options.gpu_memory_fraction, find, &join));
  join.set_slots(options.slots);
  RETURN_IF_ERROR(CheckHasRoom(join));
  std::unique_ptr<Worker> worker(new Worker(options));
  Worker* self = worker.get();
  worker->timer_ = std::make_unique<SystemTimer>();
  worker->coordinator_ = MakeRemoteCoordinator(options.scheduler);
  const std::string binary = BinaryDirectory() + "/paracord-worker";
  ASSIGN_OR_RETURN(worker->service_, NodeService::Start(options.bind, options.advertise,
                                                        {binary, options.directory, options.threads,
                                                         std::max(1u, options.slots)}));
  const std::string address = worker->service_->address();
  RETURN_IF_ERROR(WriteFileAtomically(options.directory + "/address", address + "\n"));
  worker->tasks_ = std::make_unique<TaskKeeper>(
      TaskKeeper::Options{binary, options.directory, options.scheduler, options.name,
                          options.threads, options.gpu_memory_fraction},
      [self] {
        if (Member* member = self->reporting_.load()) member->ReportNow();
      });

  FillCompute(&join);
  join.set_role(pb::WORKER);
  join.set_name(options.name);
  join.set_identity(identity);
  join.set_incarnation(RandomId());
  join.set_address(address);
  join.set_pid(getpid());
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
          join.compute().isa(), " ", join.compute().library(), ", scheduler ", options.scheduler);
  LogOffer(join);
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
      TaskKeeper::Wanted task{assignment.job().id(), slot.rank(), slot.incarnation()};
      if (slot.has_gpu()) {
        task.gpu = slot.gpu();
      } else {
        task.isa = assignment.plan().compute().isa();
      }
      wanted.push_back(std::move(task));
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
