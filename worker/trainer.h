// The loop: which step, which slices, forward, backward, push, until the last step is applied and
// evaluated.
//
// It holds nothing that matters: the weights are the servers', and everything else is a function of
// (job, step). So a new plan, whatever it changed, means the same as a new start: ask where to
// begin, compute that step, let the servers drop what they have already.
//
// bsp: every step is cut among the tasks as the plan says. ssp, async: see minibatch_rounds.
//
// One driving thread; the crew's threads run virtual workers side by side, each on one thread from
// end to end.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/buffer_pool.h"
#include "common/base/crew.h"
#include "common/job/job_spec.h"
#include "common/job/key_range.h"
#include "common/job/reduction_tree.h"
#include "common/job/sampler.h"
#include "worker/bucket.h"
#include "worker/data/dataset.h"
#include "worker/evaluation_watch.h"
#include "worker/lane.h"
#include "worker/minibatch_rounds.h"
#include "worker/model/model.h"
#include "worker/parameter_client.h"
#include "worker/plan_box.h"

namespace paracord {

// How far a task is, for its reports.
struct Progress {
  uint64_t history = 0;  // of the plan
  bool begins = false;   // a plan's work; `step` is where
  uint64_t step = 0;     // finished: the version of the weights it has
  bool has_loss = false;
  double loss = 0;                  // of the last finished step: mean over its batch
  bool evaluated = false;           // `metrics` is new
  std::vector<double> metrics;      // test loss, then the job's metrics
  uint64_t step_samples = 0;        // of the whole job, in the steps this process took part in
  double step_seconds = 0;          // without evaluation
  double busy_seconds = 0;          // computing
  uint64_t slices = 0;              // computed in them
  std::optional<uint64_t> skipped;  // steps before `step`, if the job may skip any and it is known
  std::optional<pb::Evaluations> evaluations;  // if they decide something and it is known
};

class Trainer {
 public:
  struct Parts {  // all outlive the trainer
    const JobSpec& spec;
    const BlockGrid& grid;
    const Model& model;
    const Dataset& train;
    const Dataset* test;  // or null
    ParameterClient& client;
    PlanBox& plans;
    int threads;
    // A slice of this step is skipped, and why; from any thread of the crew.
    std::function<void(uint64_t step, const std::string& why)> on_skip = {};
  };
  Trainer(const Parts& parts, uint32_t rank, uint64_t incarnation,
          std::function<void(const Progress&)> on_progress);
  ~Trainer();

  // OK: the job is done. Cancelled: stopped, or no plan names this task any more. Others: it
  // failed.
  absl::Status Run();
  uint64_t total_steps() const { return total_steps_; }
  const Sampler& sampler() const { return sampler_; }

 private:
  absl::Status Follow(const pb::Plan& plan, const pb::TaskSlot& task);
  absl::Status RunUnder(const pb::Plan& plan, const pb::TaskSlot& task);
  bool EvaluationDue(uint64_t step) const;
  void Report(uint64_t step);
  void AddBusy();

  // bsp:
  absl::Status RunSteps(uint64_t first);
  absl::Status Step(uint64_t step);
  absl::Status Judge(uint64_t step);
  void HandOver(uint64_t step, uint32_t virtual_worker, const FloatBuffer& gradients,
                Bucket& bucket);
  absl::Status LastStep();
  absl::Status Evaluate(uint64_t step);
  void ReportStepBefore(uint64_t version);

  // ssp, async, and back from there:
  void ReportMinibatches(uint64_t step, uint64_t first, double seconds);

  const Parts parts_;
  const uint32_t rank_;
  const uint64_t incarnation_;
  const std::function<void(const Progress&)> on_progress_;
  const Sampler sampler_;
  const ReductionTree tree_;
  const uint64_t total_steps_;
  EvaluationWatch watch_;
  const uint32_t metrics_tensor_;
  const std::vector<BlockRun> runs_;
  BufferPool pool_;
  Crew crew_;
  const LanePlan lane_plan_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::unique_ptr<MinibatchRounds> rounds_;

  // Of the current plan and step:
  uint32_t begin_ = 0, end_ = 0;                  // virtual workers of this task
  uint64_t last_step_;                            // of the job: `total_steps_`, or it stops early
  Standings standings_;                           // of the evaluations before the step
  std::vector<std::unique_ptr<Bucket>> buckets_;  // one a run
  std::vector<Leaf> leaves_;                      // of its virtual workers
  Progress progress_;
  Progress before_rounds_;
};

}  // namespace paracord
