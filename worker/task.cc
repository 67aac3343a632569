#include "worker/task.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "common/base/log.h"
#include "common/base/status.h"
#include "common/rpc/plan_follower.h"
#include "worker/data/model_check.h"
#include "worker/memory_guard.h"
#include "worker/model/metric.h"
#include "worker/trainer.h"

namespace paracord {
namespace {

constexpr Duration kDeliverDone = seconds(60);  // the scheduler may be restarting
constexpr Duration kDeliverFailure = seconds(5);
constexpr int kMostSkipsTold = 8;  // in one report

void FillIdentity(const Task::Options& options, pb::TaskReport* report) {
  report->set_job(options.job);
  report->set_rank(options.rank);
  report->set_incarnation(options.incarnation);
}

void FillFailure(const absl::Status& status, const Task::Options& options, pb::Failure* failure) {
  failure->set_code(FailureCode(status));
  failure->set_message(std::string(status.message()));
  failure->set_node(options.node);
  failure->set_rank(static_cast<int32_t>(options.rank));
  failure->set_exit(1);
}

void FillMetrics(const Progress& progress, const JobSpec& spec, pb::TaskReport* report) {
  report->clear_metrics();
  for (size_t i = 0; i < progress.metrics.size(); ++i) {
    pb::Metric* metric = report->add_metrics();
    metric->set_name(i == 0 ? "test_loss"
                            : absl::StrCat("test_", Name(spec.evaluate.metrics[i - 1])));
    metric->set_value(progress.metrics[i]);
  }
}

void FillProgress(const Progress& progress, const JobSpec& spec, pb::TaskReport* report) {
  report->set_history(progress.history);
  report->set_step(progress.step);
  report->set_has_loss(progress.has_loss);
  report->set_loss(progress.loss);
  report->set_step_samples(progress.step_samples);
  report->set_step_seconds(progress.step_seconds);
  report->set_busy_seconds(progress.busy_seconds);
  report->set_slices(progress.slices);
  if (progress.step_seconds > 0) {
    report->set_busy(std::min(1.0, progress.busy_seconds / progress.step_seconds));
  }
  report->clear_skipped_steps();
  if (progress.skipped) report->set_skipped_steps(*progress.skipped);
  report->clear_evaluations();
  if (progress.evaluations) *report->mutable_evaluations() = *progress.evaluations;
  if (progress.evaluated) FillMetrics(progress, spec, report);
}

// False: enough of it is waiting to be told.
bool AddSkip(uint64_t step, const std::string& why, pb::TaskReport* report) {
  const int waiting = report->skipped_size();
  if (waiting >= kMostSkipsTold) return false;
  if (waiting > 0 && report->skipped(waiting - 1).step() == step) return false;
  pb::SkippedStep* skipped = report->add_skipped();
  skipped->set_step(step);
  skipped->set_why(why);
  return true;
}

}  // namespace

// In the order in which things are made; the trainer goes first.
class Task::Workshop {
 public:
  static absl::StatusOr<std::unique_ptr<Workshop>> Open(const pb::JobText& job,
                                                        const Options& options, Timer& timer,
                                                        const ParameterClient::Connect& connect,
                                                        const Task::Open& open) {
    ASSIGN_OR_RETURN(JobSpec spec, ParseJobOrStatus(job.yaml(), job.directory()));
    std::unique_ptr<Workshop> w(new Workshop(std::move(spec)));
    ASSIGN_OR_RETURN(w->device, open());
    ASSIGN_OR_RETURN(w->train, OpenDataset(w->spec.train, options.cache_directory));
    RETURN_IF_ERROR(CheckAgainstModel(*w->train, w->spec.train, w->spec.model));
    RETURN_IF_ERROR(CheckTransform(*w->train, w->spec.train, w->spec.transform));
    if (w->spec.test) {
      ASSIGN_OR_RETURN(w->test, OpenDataset(*w->spec.test, options.cache_directory));
      RETURN_IF_ERROR(CheckAgainstModel(*w->test, *w->spec.test, w->spec.model));
      RETURN_IF_ERROR(CheckTransform(*w->test, *w->spec.test, w->spec.transform));
      RETURN_IF_ERROR(CheckTestSet(w->spec.evaluate.metrics, w->test->samples()));
    }
    ASSIGN_OR_RETURN(w->model, Model::Build(w->spec.model, *w->device));
    w->client = std::make_unique<ParameterClient>(w->grid, timer, connect);
    return w;
  }

  // What the data and the device are on this host.
  void FillHost(pb::TaskReport* report) const {
    report->set_train_samples(train->samples());
    for (const Dataset* data : {train.get(), test.get()}) {
      if (data == nullptr) continue;
      for (const FileIdentity& file : data->files()) {
        pb::FileIdentity* out = report->add_files();
        out->set_path(file.path);
        out->set_bytes(file.bytes);
        out->set_sha256(file.sha256);
      }
    }
    const ComputeClass compute = device->compute_class();
    report->mutable_compute()->set_device(compute.device);
    report->mutable_compute()->set_isa(compute.isa);
    report->mutable_compute()->set_library(compute.library);
  }

  const JobSpec spec;
  const BlockGrid grid;
  std::unique_ptr<Device> device;
  std::shared_ptr<const Dataset> train, test;
  std::unique_ptr<Model> model;
  std::unique_ptr<ParameterClient> client;

 private:
  explicit Workshop(JobSpec s) : spec(std::move(s)), grid(GridOf(spec)) {}
};

Task::Task(const Options& options, Coordinator& coordinator, Timer& timer,
           ParameterClient::Connect connect, Open open)
    : options_(options),
      coordinator_(coordinator),
      timer_(timer),
      connect_(std::move(connect)),
      open_(std::move(open)) {}

Task::~Task() = default;

void Task::Stop() {
  plans_.Stop();
  MutexLock lock(mutex_);
  if (client_ != nullptr) client_->Stop();
}

absl::Status Task::Run() {
  pb::WatchRequest who;
  who.set_job(options_.job);
  PlanFollower follower(
      coordinator_, timer_, who,
      [this](const pb::WatchReply& reply) {
        for (const pb::Assignment& assignment : reply.assignments()) plans_.Put(assignment);
      },
      [this](const absl::Status& status) {
        LogWarning("the scheduler does not know this task's job: ", std::string(status.message()));
        Stop();
      });
  const auto first = plans_.WaitNewer(0);
  if (!first) return absl::CancelledError("the task is to stop");
  auto workshop = NameOutOfMemory(
      [] { return "opening the data and building the model"; },
      [&] { return Workshop::Open(first->job(), options_, timer_, connect_, open_); });
  if (workshop.ok()) return Work(**workshop);
  // Nothing was trained: tell why, and end.
  TaskReporter reporter(
      coordinator_, timer_, [] { return std::nullopt; }, [] {});
  reporter.Update(
      [&](pb::TaskReport* report) {
        FillIdentity(options_, report);
        FillFailure(workshop.status(), options_, report->mutable_failure());
      },
      true);
  reporter.Deliver(kDeliverFailure);
  return workshop.status();
}

absl::Status Task::Work(Workshop& w) {
  TaskReporter reporter(
      coordinator_, timer_, [&w] { return w.client->CurrentWait(); }, [this] { Stop(); });
  const absl::Status status =
      NameOutOfMemory([] { return "making room for a step"; }, [&] { return Train(w, reporter); });
  if (absl::IsCancelled(status)) return status;
  reporter.Update(
      [&](pb::TaskReport* report) {
        FillIdentity(options_, report);
        report->set_done(status.ok());
        if (!status.ok()) FillFailure(status, options_, report->mutable_failure());
      },
      true);
  reporter.Deliver(status.ok() ? kDeliverDone : kDeliverFailure);
  return status;
}

absl::Status Task::Train(Workshop& w, TaskReporter& reporter) {
  ParameterClient& client = *w.client;
  const auto on_skip = [&reporter](uint64_t step, const std::string& why) {
    bool told = false;
    reporter.Update([&](pb::TaskReport* report) { told = AddSkip(step, why, report); }, false);
    if (told) LogWarning("step ", step, " is skipped: ", why);
  };
  Trainer trainer(
      {w.spec, w.grid, *w.model, *w.train, w.test.get(), client, plans_, options_.threads, on_skip},
      options_.rank, options_.incarnation, [&](const Progress& progress) {
        reporter.Update([&](pb::TaskReport* r) { FillProgress(progress, w.spec, r); },
                        progress.evaluated || progress.begins);
      });
  reporter.Update(
      [&](pb::TaskReport* report) {
        FillIdentity(options_, report);
        report->set_steps(trainer.total_steps());
        w.FillHost(report);
      },
      true);
  {
    MutexLock lock(mutex_);
    client_ = &client;
  }
  plans_.SetListener([&client] { client.Interrupt(); });
  const absl::Status status = trainer.Run();
  plans_.SetListener(nullptr);
  {
    MutexLock lock(mutex_);
    client_ = nullptr;
  }
  return status;
}

}  // namespace paracord
