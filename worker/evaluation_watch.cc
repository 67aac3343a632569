#include "worker/evaluation_watch.h"

#include <cmath>
#include <vector>

#include "absl/strings/str_format.h"
#include "common/base/philox.h"
#include "worker/lane.h"
#include "worker/model/metric.h"

namespace paracord {
namespace {

constexpr size_t kEvaluated = 1, kEarlyStop = 2, kBest = 6;
constexpr uint64_t kMost = uint64_t{1} << 24;  // whole numbers up to this are exact
constexpr uint64_t kPart = 1 << 20;            // of a step's two floats

// A count that came from a server.
uint64_t Count(float value) {
  return value >= 0 && value <= static_cast<float>(kMost) ? static_cast<uint64_t>(value) : 0;
}

Standing ReadStanding(const float* floats) {
  return {floats[0], Count(floats[1]) + kPart * Count(floats[2]), Count(floats[3])};
}

void WriteStanding(const Standing& standing, float* floats) {
  floats[0] = standing.value;
  floats[1] = static_cast<float>(standing.step % kPart);
  floats[2] = static_cast<float>(standing.step / kPart);
  floats[3] = static_cast<float>(standing.misses);
}

// A value that is no number improves nothing.
void Judge(double value, uint64_t step, bool rises, double min_delta, Standing* standing) {
  const auto rounded = static_cast<float>(value);
  const double found = static_cast<double>(rounded), best = static_cast<double>(standing->value);
  const bool first = standing->step == 0 && !std::isnan(rounded);
  const bool better = rises ? found > best + min_delta : found < best - min_delta;
  if (first || (standing->step > 0 && better)) {
    *standing = {rounded, step, 0};
  } else if (standing->misses < kMost) {
    ++standing->misses;
  }
}

}  // namespace

// The tensor's last floats, but for the count of skipped steps.
size_t EvaluationWatch::Place() const {
  return spec_.MetricFloats() - kWatchFloats - (spec_.skips_nonfinite ? 1 : 0);
}

void EvaluationWatch::Follow(const std::string& job, double bytes_per_label) {
  bytes_per_label_ = bytes_per_label;
  uint64_t key = 0;
  for (const char c : job) key = MixKey(key, static_cast<unsigned char>(c));
  owner_ = static_cast<float>(1 + key % (kMost - 1));
}

Standings EvaluationWatch::Read(const float* metrics) const {
  const float* floats = metrics + Place();
  if (floats[0] != owner_) return {};
  Standings known = {ReadStanding(floats + kEarlyStop), ReadStanding(floats + kBest)};
  if (floats[kEvaluated] != 1) return known;
  const float* evaluation = metrics + Leaf::kEvaluation;
  std::vector<double> values =
      MetricValues(spec_.evaluate.metrics, evaluation + 1, bytes_per_label_);
  values.insert(values.begin(), static_cast<double>(evaluation[0]));
  const uint64_t step = Leaf::StepOf(metrics);
  if (const auto& stop = spec_.early_stop) {
    Judge(values[stop->metric.place], step, stop->metric.rises, stop->min_delta, &known.early_stop);
  }
  if (const auto& best = spec_.checkpoint.best) {
    Judge(values[best->place], step, best->rises, 0, &known.best);
  }
  return known;
}

void EvaluationWatch::Tell(const Standings& standings, bool evaluates, float* leaf) const {
  float* floats = leaf + Place();
  floats[0] = owner_;
  floats[kEvaluated] = evaluates ? 1.0f : 0.0f;
  WriteStanding(standings.early_stop, floats + kEarlyStop);
  WriteStanding(standings.best, floats + kBest);
}

bool EvaluationWatch::Ends(const Standings& standings) const {
  return spec_.early_stop.has_value() && standings.early_stop.misses >= spec_.early_stop->patience;
}

std::string EvaluationWatch::Why(const Standings& standings) const {
  const Standing& stop = standings.early_stop;
  const std::string& name = spec_.early_stop->metric.name;
  if (stop.step == 0)
    return absl::StrFormat("%s was no number in %d evaluations", name, stop.misses);
  return absl::StrFormat("%s was %.6g at step %d, and has not improved in %d evaluations since",
                         name, static_cast<double>(stop.value), stop.step, stop.misses);
}

void EvaluationWatch::Fill(const Standings& standings, uint64_t judged,
                           pb::Evaluations* out) const {
  out->set_judged(judged);
  if (!spec_.checkpoint.best.has_value() || standings.best.step == 0) return;
  out->set_best_step(standings.best.step);
  out->mutable_best()->set_name(spec_.checkpoint.best->name);
  out->mutable_best()->set_value(static_cast<double>(standings.best.value));
}

}  // namespace paracord
