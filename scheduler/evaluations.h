// What tasks say that a job's evaluations have led to: its best checkpoint, and an early end. They
// work it out alone (worker/evaluation_watch.h), all to the same; here it is kept, and followed.
// Not thread-safe.
#pragma once

#include "proto/coordinator.pb.h"
#include "scheduler/job.h"

namespace paracord {

void TakeEvaluations(Job& job, const pb::TaskReport& report, Moment now);

// Marks the checkpoint of the best step. If that step is not stored, as a disk was too slow, the
// best one before it stays marked.
void MarkBest(Job& job);
// It is the best, or may be for all that is known yet.
bool MayBeBest(const Job& job, const pb::StoredStep& checkpoint);
// Null: none is marked, or it is damaged.
const pb::StoredStep* BestGood(const Job& job);
absl::Status NoBest(const Job& job);

}  // namespace paracord
