// One task: what a worker daemon spawns for a rank of a job. Follows the job's plan, opens the
// data, builds the model, trains, reports. It has no state to save; killing it at any moment is
// safe.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "common/base/timer.h"
#include "common/rpc/coordinator.h"
#include "worker/parameter_client.h"
#include "worker/plan_box.h"
#include "worker/task_reporter.h"
#include "worker/tensor/device.h"

namespace paracord {

class Task {
 public:
  struct Options {
    std::string job;
    uint32_t rank = 0;
    uint64_t incarnation = 0;
    std::string cache_directory;  // of decoded data; empty: none
    int threads = 1;              // virtual workers side by side
    std::string node;             // the worker's name, for messages
  };
  // Opens what the task computes on, as the plan has it for its rank.
  using Open = std::function<absl::StatusOr<std::unique_ptr<Device>>()>;

  // All outlive it.
  Task(const Options& options, Coordinator& coordinator, Timer& timer,
       ParameterClient::Connect connect, Open open);
  ~Task();

  // Blocks until the job is done (OK), the task was stopped or is no longer wanted (Cancelled), or
  // has failed.
  absl::Status Run();
  // Orderly stop: finishes pushing the step under way. Any thread.
  void Stop();

 private:
  class Workshop;  // what is made once the job is known

  // Trains, and tells the scheduler how that ended.
  absl::Status Work(Workshop& workshop);
  absl::Status Train(Workshop& workshop, TaskReporter& reporter);

  const Options options_;
  Coordinator& coordinator_;
  Timer& timer_;
  const ParameterClient::Connect connect_;
  const Open open_;
  PlanBox plans_;
  Mutex mutex_;
  ParameterClient* client_ ABSL_GUARDED_BY(mutex_) = nullptr;  // while it runs
};

}  // namespace paracord
