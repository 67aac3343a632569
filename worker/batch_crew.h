// A trained model that is asked by several threads: a part's samples, cut into batches, side by
// side. Outputs do not depend on the threads and the cut. One caller at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "common/base/crew.h"
#include "worker/trained_model.h"

namespace paracord {

class BatchCrew {
 public:
  // Gives samples [first, first + rows) of a part, valid until the same thread calls again. On each
  // thread of the crew, side by side.
  using Read = std::function<Batch(int thread, uint64_t first, uint64_t rows)>;

  // The model outlives it. More threads than batches can be made of `most_rows` are not started.
  BatchCrew(const TrainedModel& trained, int threads, uint64_t most_rows);

  int threads() const { return crew_.threads(); }
  // `outputs` [rows, trained.outputs()], as they go into the loss.
  absl::Status Ask(uint64_t rows, const Read& read, std::vector<float>* outputs);

 private:
  const TrainedModel& trained_;
  Crew crew_;
  std::vector<std::unique_ptr<Pass>> passes_;  // one a thread
};

}  // namespace paracord
