// The samples to predict, cut into parts, for several who answer them: each part is handed out to
// one at a time, taken back from one who fails, and written once, in the samples' order. So many
// parts and no more are under way that a slow one holds up the others before memory is full.
// Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "worker/prediction_file.h"

namespace paracord {

class PredictionParts {
 public:
  struct Part {
    uint64_t index = 0;
    uint64_t first = 0, rows = 0;  // samples
  };
  // `rows`: of each part but the last. `window`: parts from the first that is not written on that
  // may be under way. The file outlives it.
  PredictionParts(uint64_t samples, uint64_t rows, uint64_t window, PredictionFile* file);

  // The first part that nobody has. Waits while others have all there are, as they may fail;
  // nothing: all is written, or has failed.
  std::optional<Part> Take();
  // A part that was taken is for somebody else.
  void GiveBack(const Part& part);
  // What the model says of it, [rows, output]. An error of the file ends everything.
  void Finish(const Part& part, std::vector<float> outputs);
  // Ends everything: nobody is given more.
  void Fail(const absl::Status& status);

  // Once nobody is under way. Internal: parts are left.
  absl::Status status();

 private:
  Part At(uint64_t index) const;
  void WriteWhatIsNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const uint64_t samples_, rows_, window_;
  const uint64_t count_;  // of parts
  Mutex mutex_;
  CondVar changed_;
  PredictionFile* const file_ ABSL_PT_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 0;                                // never handed out
  std::set<uint64_t> back_ ABSL_GUARDED_BY(mutex_);                          // given back
  uint64_t written_ ABSL_GUARDED_BY(mutex_) = 0;                             // parts in the file
  std::map<uint64_t, std::vector<float>> finished_ ABSL_GUARDED_BY(mutex_);  // not written yet
};

}  // namespace paracord
