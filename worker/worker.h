// The worker daemon. It never computes, and loads no driver of a GPU: it joins the scheduler with
// what its host has, keeps one child process for each task that a plan gives it, shows their logs,
// and starts a child for whoever wants predictions.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/config.h"
#include "common/rpc/daemon_options.h"
#include "common/rpc/member.h"
#include "worker/gpu_offer.h"
#include "worker/node_service.h"
#include "worker/task_keeper.h"

namespace paracord {

class Worker {
 public:
  struct Options : MemberOptions {
    Options() { name = "worker-0", bind = "0.0.0.0:7202", directory = "paracord-worker-0"; }
    uint32_t slots = 1;  // tasks side by side on the CPU
    int threads = 0;     // of each task; 0: cores / slots
    GpuChoice gpus;
    double gpu_memory_fraction = GpuShare().memory_fraction;  // of each of its tasks
  };
  static constexpr const char* kName = "paracord-worker";
  static Options ParseOptions(const ConfigNode& root);
  static std::string PrintOptions(const Options& options);
  static absl::StatusOr<std::unique_ptr<Worker>> Start(const Options& options);
  // `find`: instead of asking a child what GPUs there are.
  static absl::StatusOr<std::unique_ptr<Worker>> Start(const Options& options,
                                                       const GpuFinder& find);

  // Asks the tasks to finish what they push, tells the scheduler, ends.
  void Stop();

 private:
  explicit Worker(const Options& options) : options_(options) {}
  void Adopt(const pb::WatchReply& reply, uint64_t incarnation);

  const Options options_;
  std::unique_ptr<SystemTimer> timer_;
  std::unique_ptr<Coordinator> coordinator_;
  std::unique_ptr<NodeService> service_;
  std::unique_ptr<TaskKeeper> tasks_;
  std::unique_ptr<Member> member_;
  std::atomic<Member*> reporting_{nullptr};  // `member_`, once it is there
};

}  // namespace paracord
