#include "scheduler/evaluations.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace paracord {
namespace {

bool SameBest(const pb::Evaluations& a, const pb::Evaluations& b) {
  return a.best_step() == b.best_step() && a.best().value() == b.best().value();
}

}  // namespace

void TakeEvaluations(Job& job, const pb::TaskReport& report, Moment now) {
  if (!report.has_evaluations()) return;
  const pb::Evaluations& told = report.evaluations();
  pb::Evaluations& known = *job.record.mutable_status()->mutable_evaluations();
  if (told.stop_step() > 0 && known.stop_step() == 0) {
    known.set_stop_step(told.stop_step());
    known.set_why(told.why());
    job.Note(absl::StrCat("ends early, at step ", told.stop_step(), ": ", told.why()), now);
  }
  if (told.judged() <= known.judged()) return;
  if (!SameBest(told, known)) job.must_save = true;
  job.progressed = true;
  known.set_judged(told.judged());
  known.set_best_step(told.best_step());
  *known.mutable_best() = told.best();
}

void MarkBest(Job& job) {
  const pb::Evaluations& known = job.status().evaluations();
  if (!job.spec.checkpoint.best.has_value() || known.best_step() == 0) return;
  auto* all = job.record.mutable_status()->mutable_checkpoints();
  const auto is_it = [&](const pb::StoredStep& checkpoint) {
    return checkpoint.step() == known.best_step() && checkpoint.damage().empty();
  };
  const auto best = std::find_if(all->rbegin(), all->rend(), is_it);
  if (best == all->rend() || best->best()) return;
  for (pb::StoredStep& checkpoint : *all) checkpoint.clear_best();
  best->set_best(true);
  best->set_best_value(known.best().value());
  job.must_save = true;
}

bool MayBeBest(const Job& job, const pb::StoredStep& checkpoint) {
  if (!job.spec.checkpoint.best.has_value() || !checkpoint.damage().empty()) return false;
  return checkpoint.best() || checkpoint.step() > job.status().evaluations().judged();
}

const pb::StoredStep* BestGood(const Job& job) {
  for (const pb::StoredStep& checkpoint : job.status().checkpoints()) {
    if (checkpoint.best() && checkpoint.damage().empty()) return &checkpoint;
  }
  return nullptr;
}

absl::Status NoBest(const Job& job) {
  return absl::NotFoundError(absl::StrCat(
      job.id(), " has no best checkpoint",
      job.spec.checkpoint.best.has_value() ? " yet" : ": its job file has no checkpoint.best"));
}

}  // namespace paracord
