#include "scheduler/stragglers.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "scheduler/balance.h"
#include "scheduler/plan_tasks.h"

namespace paracord {
namespace {

constexpr Duration kLookPeriod = seconds(1);
constexpr Duration kCutPeriod = seconds(3);
constexpr Duration kSlowTime = seconds(3);  // before a backup is moved
constexpr double kClearlySlower = 1.3;

pb::Plan NumberedAfter(const pb::Plan& last) {
  pb::Plan plan = last;
  plan.set_number(last.number() + 1);
  return plan;
}

std::vector<uint32_t> CountsOf(const pb::Plan& plan) {
  std::vector<uint32_t> counts;
  for (const pb::TaskSlot& slot : plan.tasks()) {
    if (!slot.backup()) counts.push_back(slot.end() - slot.begin());
  }
  return counts;
}

// The cut that is worth a change; empty: there is none.
std::vector<uint32_t> BetterCut(const Job& job) {
  const auto seconds = job.tuning.pace.SecondsOf(RanksOf(job.plan()));
  if (!seconds.has_value()) return {};
  std::vector<uint32_t> better = CutBySpeed(VirtualWorkersOf(job.plan()), *seconds);
  if (!IsWorthMoving(CountsOf(job.plan()), better, *seconds)) better.clear();
  return better;
}

void Balance(Job& job, Moment now) {
  std::vector<uint32_t> better = BetterCut(job);
  const bool again = !better.empty() && better == job.tuning.better_cut;
  job.tuning.better_cut = better;
  if (!again || now.at < job.tuning.cut_at + kCutPeriod) return;
  const auto seconds = *job.tuning.pace.SecondsOf(RanksOf(job.plan()));
  const double before = StepSeconds(CountsOf(job.plan()), seconds);
  const std::string why = absl::StrFormat(
      "virtual workers move to faster tasks: %s instead of %s; a step takes %.3f s instead of %.3f",
      absl::StrJoin(better, ", "), absl::StrJoin(CountsOf(job.plan()), ", "),
      StepSeconds(better, seconds), before);
  pb::Plan plan = NumberedAfter(job.plan());
  Cut(plan, better);
  job.Publish(plan, why, now);
}

// The backup that should compute for another task, and for which; nullopt: all is well. The fastest
// task that has a backup gives it to the slowest that has none.
std::optional<std::pair<uint32_t, uint32_t>> BetterShadow(const Job& job) {
  const std::vector<uint32_t> ranks = RanksOf(job.plan());
  const auto seconds = job.tuning.pace.SecondsOf(ranks);
  const std::map<uint32_t, uint32_t> shadows = Shadows(job.plan());
  if (!seconds.has_value() || shadows.empty() || shadows.size() >= ranks.size()) {
    return std::nullopt;
  }
  std::map<uint32_t, double> seconds_of;
  for (size_t i = 0; i < ranks.size(); ++i) seconds_of[ranks[i]] = (*seconds)[i];
  const auto helped = std::min_element(
      shadows.begin(), shadows.end(),
      [&](const auto& a, const auto& b) { return seconds_of[a.second] < seconds_of[b.second]; });
  const double fast = seconds_of[helped->second];
  for (const auto& [backup, rank] : shadows) seconds_of.erase(rank);
  const auto slow =
      std::max_element(seconds_of.begin(), seconds_of.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  if (slow->second < kClearlySlower * fast) return std::nullopt;
  return std::make_pair(helped->first, slow->first);
}

void MoveBackup(Job& job, Moment now) {
  const auto better = BetterShadow(job);
  Tuning& tuning = job.tuning;
  if (!better.has_value()) return tuning.better_since.reset();
  if (!tuning.better_since.has_value() || tuning.better_shadow != *better) {
    tuning.better_shadow = *better;
    tuning.better_since = now.at;
  }
  if (now.at < *tuning.better_since + kSlowTime) return;
  const auto [backup, rank] = *better;
  pb::Plan plan = NumberedAfter(job.plan());
  Shadow(plan, backup, rank);
  tuning.better_since.reset();
  job.Publish(plan, absl::StrCat("backup ", backup, " computes what task ", rank, " does now"),
              now);
}

}  // namespace

std::vector<uint32_t> SlowestFirst(const Job& job) {
  std::vector<uint32_t> ranks = RanksOf(job.plan());
  if (!job.tuning.pace.SecondsOf(ranks).has_value()) return ranks;
  std::stable_sort(ranks.begin(), ranks.end(), [&](uint32_t a, uint32_t b) {
    return *job.tuning.pace.SecondsASlice(a) > *job.tuning.pace.SecondsASlice(b);
  });
  return ranks;
}

void HelpSlowTasks(Job& job, Moment now) {
  const bool bsp = job.plan().consistency().mode() == pb::Consistency::BSP;
  if (!job.Steady() || !bsp || now.at < job.tuning.looked_at + kLookPeriod) return;
  job.tuning.looked_at = now.at;
  if (job.needs.balance() && TaskCount(job.plan()) > 1) Balance(job, now);
  MoveBackup(job, now);
}

}  // namespace paracord
