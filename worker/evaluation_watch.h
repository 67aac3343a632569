// What evaluations lead to: whether the job ends early, and which step was the best so far.
//
// Both follow from the evaluations alone. What those before step t have led to travels as floats in
// the metrics tensor (lane.h), told by slice 0 of step t; so the tensor's version t + 1, which also
// has the evaluation that step t began with, gives what is known then. Every task works that out
// before it begins step t + 1 and comes to the same, whoever was killed on the way; it is stored
// and restored with the weights. If the job is to end, version t + 1 is its last.
//
// The floats, behind the sums of the job's metrics:
//   whose they are, from the job's id; another's, and zero, count as nothing known
//   1 if the step began with an evaluation
//   early_stop, then best: its value so far, the step of that (two floats; 0: none yet), and
//   evaluations since
#pragma once

#include <cstdint>
#include <string>

#include "common/job/job_spec.h"
#include "proto/job.pb.h"

namespace paracord {

struct Standing {
  float value = 0;      // the best
  uint64_t step = 0;    // that was evaluated with it; 0: none yet
  uint64_t misses = 0;  // evaluations since, without an improvement
};

struct Standings {
  Standing early_stop, best;
};

class EvaluationWatch {
 public:
  explicit EvaluationWatch(const JobSpec& spec) : spec_(spec) {}  // `spec` outlives it

  bool on() const { return spec_.watches_evaluations(); }
  // Of the job that is called so, in whatever cluster. `bytes_per_label`: of its test set.
  void Follow(const std::string& job, double bytes_per_label);
  // With the evaluation that the tensor has, if it has one.
  Standings Read(const float* metrics) const;
  // For slice 0 of a step; `evaluates`: it begins with an evaluation.
  void Tell(const Standings& standings, bool evaluates, float* leaf) const;

  bool Ends(const Standings& standings) const;
  // For people: why it does.
  std::string Why(const Standings& standings) const;
  void Fill(const Standings& standings, uint64_t judged, pb::Evaluations* out) const;

 private:
  size_t Place() const;

  const JobSpec& spec_;
  float owner_ = 0;
  double bytes_per_label_ = 1;
};

}  // namespace paracord
