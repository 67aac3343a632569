#include "scheduler/job_settings.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/base/config.h"
#include "common/base/status.h"
#include "common/job/parse_workers.h"
#include "common/rpc/consistency_message.h"
#include "scheduler/plan_tasks.h"
#include "scheduler/resize.h"

namespace paracord {
namespace {

struct Settings {
  std::optional<ConsistencySpec> consistency;
  std::optional<WorkersSpec> workers;
};

absl::Status Refuse(const std::vector<ConfigError>& errors) {
  return absl::InvalidArgumentError(
      absl::StrJoin(errors, "\n", [](std::string* out, const ConfigError& error) {
        absl::StrAppend(out, error.path, error.path.empty() ? "" : ": ", error.message);
      }));
}

void CheckKeys(const ConfigNode& root) {
  for (const std::string& key : root.Keys()) {
    if (key == "consistency" || key == "workers") continue;
    root.Error(absl::StrCat("found '", key, "'; expected consistency=VALUE or workers=VALUE"));
  }
}

absl::StatusOr<Settings> ParseSettings(const std::vector<std::string>& settings,
                                       uint32_t virtual_workers) {
  std::vector<ConfigError> errors;
  const std::string text = SetConfigValues("", settings, &errors);
  for (ConfigError& error : errors) {
    error.path = std::string(absl::StripPrefix(error.path, "--set "));
  }
  if (!errors.empty()) return Refuse(errors);
  const ConfigReader reader(text);
  const ConfigNode root = reader.root();
  Settings parsed;
  if (root.Has("consistency")) parsed.consistency = ParseConsistency(root);
  if (root.Has("workers")) parsed.workers = ParseWorkers(root, virtual_workers);
  CheckKeys(root);
  if (!reader.errors().empty()) return Refuse(reader.errors());
  if (parsed.consistency.has_value() || parsed.workers.has_value()) return parsed;
  return absl::InvalidArgumentError(
      "found no setting; expected consistency=VALUE, workers=VALUE or both");
}

absl::Status CheckMayChange(const Job& job) {
  if (job.pending() || (job.training() && !job.status().has_first_failure())) {
    return absl::OkStatus();
  }
  const std::string why = job.ended()
                              ? absl::StrCat("has ended already: ", pb::JobState_Name(job.state()))
                              : "is about to end: it changes no more";
  return absl::FailedPreconditionError(absl::StrCat(job.id(), " ", why));
}

absl::Status CheckSuits(const Job& job, const Settings& settings) {
  const std::string why = job.spec.NeedsBsp();
  if (why.empty() || !settings.consistency || settings.consistency->bsp()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("consistency: found ", Name(*settings.consistency), " with ", why));
}

bool Same(const ConsistencySpec& a, const ConsistencySpec& b) {
  return a.mode == b.mode && a.staleness == b.staleness && a.backup == b.backup;
}

std::string Text(const ConsistencySpec& spec) {
  if (spec.backup == 0) return Name(spec);
  return absl::StrCat(Name(spec), " with ", spec.backup, " backup");
}

std::string Text(const WorkersSpec& spec) {
  if (spec.least == spec.most) return absl::StrCat(spec.most);
  return absl::StrCat(spec.least, " to ", spec.most);
}

// What was changed, for people: one part a setting.
std::vector<std::string> Record(Job& job, const Settings& settings) {
  std::vector<std::string> changes;
  if (settings.consistency && !Same(*settings.consistency, job.needs.consistency())) {
    changes.push_back(absl::StrCat("consistency is now ", Text(*settings.consistency), " (was ",
                                   Text(job.needs.consistency()), ")"));
    job.needs.SetConsistency(*settings.consistency);
    *job.record.mutable_consistency() = ToMessage(*settings.consistency);
  }
  const WorkersSpec before{job.needs.workers(), job.needs.min_workers()};
  const auto& workers = settings.workers;
  if (workers && (workers->most != before.most || workers->least != before.least)) {
    changes.push_back(absl::StrCat("workers is now ", Text(*workers), " (was ", Text(before), ")"));
    job.needs.SetWorkers(workers->most, workers->least);
    job.record.set_workers(workers->most);
    job.record.set_min_workers(workers->least);
  }
  return changes;
}

// The consistency that is set, and no more tasks than that.
pb::Plan PlanAsSet(const Job& job) {
  const uint32_t tasks = job.Ending() ? TaskCount(job.plan()) : job.needs.workers();
  const std::set<uint32_t> over = RanksOver(job.plan(), tasks, job.needs.consistency().backup);
  pb::Plan plan = ShrinkPlan(job.plan(), over);
  *plan.mutable_consistency() = ToMessage(job.needs.consistency());
  return plan;
}

}  // namespace

absl::Status ChangeJob(Job& job, const std::vector<std::string>& settings, Moment now) {
  auto parsed = ParseSettings(settings, job.spec.virtual_workers);
  if (!parsed.ok()) return parsed.status();
  RETURN_IF_ERROR(CheckMayChange(job));
  RETURN_IF_ERROR(CheckSuits(job, *parsed));
  const std::vector<std::string> changes = Record(job, *parsed);
  if (changes.empty()) return absl::OkStatus();
  const std::string why = absl::StrJoin(changes, ", ");
  if (job.pending()) {
    job.Note(why, now);
  } else {
    job.Publish(PlanAsSet(job), why, now);
  }
  return absl::OkStatus();
}

}  // namespace paracord
