// Tells the scheduler how far a task is: at most four times a second, at once when something was
// evaluated or has ended. One call under way at a time; a report that is overtaken is replaced,
// never queued; what it says of skipped steps stays until the scheduler has taken it. Rides out the
// scheduler's absence.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "common/base/gate.h"
#include "common/base/mutex.h"
#include "common/base/periodic.h"
#include "common/rpc/coordinator.h"

namespace paracord {

class TaskReporter {
 public:
  // `on_refused`: the scheduler says that this task's incarnation is over. `current_wait` is asked
  // before each report.
  TaskReporter(Coordinator& coordinator, Timer& timer,
               std::function<std::optional<pb::Wait>()> current_wait,
               std::function<void()> on_refused);
  ~TaskReporter();

  // Changes what is told; goes out with the next report, at once if `urgent`.
  void Update(const std::function<void(pb::TaskReport*)>& change, bool urgent);
  // Sends the newest report and waits until the scheduler has taken it, at most `patience`. False:
  // it has not.
  bool Deliver(Duration patience);

 private:
  void Tick();
  void Send();
  // `skips`: steps that were told to be skipped.
  void Answered(const absl::Status& status, uint64_t edition, int skips);

  Coordinator& coordinator_;
  Timer& timer_;
  const std::function<std::optional<pb::Wait>()> current_wait_;
  const std::function<void()> on_refused_;
  Mutex mutex_;
  CondVar changed_;
  pb::TaskReport report_ ABSL_GUARDED_BY(mutex_);
  uint64_t edition_ ABSL_GUARDED_BY(mutex_) = 0;    // of report_
  uint64_t delivered_ ABSL_GUARDED_BY(mutex_) = 0;  // newest edition that was taken
  bool sending_ ABSL_GUARDED_BY(mutex_) = false;
  bool urgent_ ABSL_GUARDED_BY(mutex_) =
      false;  // send again as soon as the call under way has ended
  bool refused_ ABSL_GUARDED_BY(mutex_) = false;
  const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
  std::unique_ptr<Periodic> tick_;
};

}  // namespace paracord
