// What a slow worker costs: whole clusters in one process, tasks slowed at the shard seam, where to
// sleep before a push is to compute longer. The model is tiny, so that the sleeps are the time.
//   bench_stragglers [ROUNDS]     prints tables and medians; exit 1: something is not as wanted
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_format.h"
#include "tests/support/mini_cluster.h"

namespace paracord {
namespace {

using std::chrono::duration;

constexpr uint32_t kNobody = UINT32_MAX;
constexpr double kSlow = 3;       // times as long a slice
constexpr double kSettled = 0.6;  // of a run's steps: then everything has been moved

struct Setting {
  std::string consistency = "bsp";
  std::string balance = "off";
  uint32_t workers, spares = 0;
  uint32_t virtual_workers;
  uint64_t steps;
  Duration slice;           // time that one takes
  uint32_t slow = kNobody;  // rank
};

struct Outcome {
  double seconds_a_step = 0;   // over the whole run
  double settled_seconds = 0;  // median of the last ones
  uint64_t max_staleness = 0;
  double least_busy = 1;  // share of its time that any task computes
  bool same_bits = false;
  bool audited = false;
};

std::string Yaml(const Setting& s) {
  return absl::StrCat(R"(name: stragglers
seed: 5
model: {input: [4], layers: [{linear: 3}], loss: softmax_cross_entropy}
data: {train: {format: synthetic, samples: 4800, features: 4, classes: 3, seed: 6}}
train: {steps: )",
                      s.steps, ", batch_size: ", 2 * s.virtual_workers,
                      ", virtual_workers: ", s.virtual_workers,
                      ", optimizer: {kind: momentum, lr: 0.01}}\nworkers: ", s.workers,
                      "\nconsistency: ", s.consistency, "\nbalance: ", s.balance, "\n");
}

// When each step was first pushed; makes tasks as slow as a setting says.
class Pacer {
 public:
  explicit Pacer(const Setting& setting) : setting_(setting) {}

  // The model is one run of blocks of one shard: each sum of slices is one push.
  void OnPush(const pb::PushHeader& header) {
    const double slices = header.node_end() - header.node_begin();
    const double times = header.rank() == setting_.slow ? kSlow : 1;
    std::this_thread::sleep_for(
        std::chrono::duration_cast<std::chrono::nanoseconds>(setting_.slice * slices * times));
    MutexLock lock(mutex_);
    first_.try_emplace(header.step(), Clock::now());
    last_ = Clock::now();
  }

  double SecondsAStep() {
    MutexLock lock(mutex_);
    return duration<double>(last_ - first_.begin()->second).count() / double(setting_.steps);
  }
  double SettledSeconds() {
    MutexLock lock(mutex_);
    std::vector<double> gaps;
    auto at = first_.lower_bound(uint64_t(kSettled * double(setting_.steps)));
    for (auto next = std::next(at); next != first_.end(); at = next++) {
      gaps.push_back(duration<double>(next->second - at->second).count());
    }
    std::nth_element(gaps.begin(), gaps.begin() + int64_t(gaps.size() / 2), gaps.end());
    return gaps[gaps.size() / 2];
  }

 private:
  const Setting setting_;
  Mutex mutex_;
  std::map<uint64_t, TimePoint> first_ ABSL_GUARDED_BY(mutex_);
  TimePoint last_ ABSL_GUARDED_BY(mutex_);
};

bool SameBits(const PlainRun& plain, const Tensors& weights) { return weights == plain.weights; }

bool Audited(MiniCluster& cluster, const std::string& id) {
  const auto rows = cluster.Audit(id);
  return rows.ok() && !rows->empty() &&
         std::all_of(rows->begin(), rows->end(), [](const AuditRow& row) {
           return row.applied == row.expected && row.repeated == 0 && row.missing == 0;
         });
}

Outcome Run(const Setting& setting) {
  Pacer pacer(setting);
  MiniOptions options{.servers = 1, .workers = setting.workers + setting.spares};
  options.on_push = [&](const pb::PushHeader& header) { pacer.OnPush(header); };
  MiniCluster cluster(options);
  const std::string yaml = Yaml(setting);
  const std::string id = cluster.Submit(yaml);
  Outcome out;
  const auto watch = [&] {
    const pb::JobStatus status = cluster.Get(id).status();
    const bool half_way = 2 * status.step() > setting.steps;
    if (status.state() == pb::RUNNING && half_way && status.tasks_size() > 0) {
      out.least_busy = 1;
      for (const pb::TaskStatus& task : status.tasks()) {
        out.least_busy = std::min(out.least_busy, task.busy());
      }
    }
    return status.state() != pb::PENDING && status.state() != pb::RUNNING;
  };
  while (!MiniCluster::Eventually(watch)) {  // it may take more than a minute
  }
  if (cluster.State(id) != pb::SUCCEEDED) {
    std::fprintf(stderr, "%s\n", cluster.Story(id).c_str());
    std::exit(1);
  }
  out.seconds_a_step = pacer.SecondsAStep();
  out.settled_seconds = pacer.SettledSeconds();
  out.max_staleness = cluster.Get(id).status().max_staleness();
  out.audited = Audited(cluster, id);
  const auto weights = cluster.ReadWeights(id);
  out.same_bits = weights.ok() && SameBits(RunPlainLoop(yaml), *weights);
  return out;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

bool all_as_wanted = true;

void Want(bool holds, const std::string& what) {
  std::printf("%s  %s\n", holds ? "ok   " : "SHORT", what.c_str());
  all_as_wanted = all_as_wanted && holds;
}

// Three workers, one of them slow: how much bounded staleness gains, and how stale it gets.
void MeasureStaleness(int rounds) {
  const Setting bsp{.workers = 3,
                    .virtual_workers = 12,
                    .steps = 5000,
                    .slice = std::chrono::microseconds(250),
                    .slow = 2};
  Setting ssp = bsp, async = bsp;
  ssp.consistency = "{ssp: 3}";
  async.consistency = "async";
  std::vector<double> ssp_gain, async_gain;
  uint64_t least_staleness = UINT64_MAX, most_staleness = 0;
  double least_busy = 1;
  bool audited = true;
  std::printf("\nthree workers, one three times slower, 5,000 steps\n");
  std::printf("%-6s %10s %10s %10s %10s %10s %12s %12s\n", "round", "bsp ms", "ssp(3) ms",
              "async ms", "ssp gain", "async gain", "max stale", "async busy");
  for (int round = 1; round <= rounds; ++round) {
    const Outcome a = Run(bsp), b = Run(ssp), c = Run(async);
    ssp_gain.push_back(a.seconds_a_step / b.seconds_a_step);
    async_gain.push_back(a.seconds_a_step / c.seconds_a_step);
    least_staleness = std::min(least_staleness, b.max_staleness);
    most_staleness = std::max(most_staleness, b.max_staleness);
    least_busy = std::min(least_busy, c.least_busy);
    audited = audited && a.audited && b.audited && c.audited && a.same_bits;
    std::printf("%-6d %10.2f %10.2f %10.2f %10.2f %10.2f %12lu %12.2f\n", round,
                1e3 * a.seconds_a_step, 1e3 * b.seconds_a_step, 1e3 * c.seconds_a_step,
                ssp_gain.back(), async_gain.back(), b.max_staleness, c.least_busy);
    std::fflush(stdout);
  }
  Want(least_staleness == 3 && most_staleness == 3, "ssp(3) is as stale as 3 steps, and no more");
  Want(Median(ssp_gain) >= 1.5,
       absl::StrFormat("ssp(3): %.2f times bsp's throughput, wanted 1.5", Median(ssp_gain)));
  Want(least_busy >= 0.9, absl::StrFormat("async: every task computes %.2f of its time (%.2f times "
                                          "bsp's throughput), wanted 0.9",
                                          least_busy, Median(async_gain)));
  Want(audited, "every sample counted once; bsp's bits are the plain loop's");
}

// Four workers, one of them slow, in bsp.
void MeasureHelp(int rounds) {
  const Setting alike{.workers = 4, .virtual_workers = 32, .steps = 400, .slice = milliseconds(1)};
  Setting slow = alike, balanced = alike, backed = alike;
  slow.slow = balanced.slow = backed.slow = 3;
  balanced.balance = "auto";
  balanced.steps = 1600;
  backed.consistency = "{bsp: {backup: 1}}";
  backed.spares = 1;
  backed.steps = 1600;
  const double speed = alike.workers - 1 + 1 / kSlow;
  const double ideal = duration<double>(alike.slice).count() * alike.virtual_workers / speed;
  std::vector<double> unhelped, with_balance, with_backup;
  bool same_bits = true;
  std::printf("\nfour workers, one three times slower, bsp; ms a step\n");
  std::printf("%-6s %10s %10s %10s %10s %10s\n", "round", "ideal", "alike", "slow", "balance",
              "backup");
  for (int round = 1; round <= rounds; ++round) {
    const Outcome a = Run(alike), b = Run(slow), c = Run(balanced), d = Run(backed);
    unhelped.push_back(b.settled_seconds / ideal);
    with_balance.push_back(c.settled_seconds / ideal);
    with_backup.push_back(d.settled_seconds / a.settled_seconds);
    same_bits = same_bits && a.same_bits && b.same_bits && c.same_bits && d.same_bits;
    std::printf("%-6d %10.2f %10.2f %10.2f %10.2f %10.2f\n", round, 1e3 * ideal,
                1e3 * a.settled_seconds, 1e3 * b.settled_seconds, 1e3 * c.settled_seconds,
                1e3 * d.settled_seconds);
    std::fflush(stdout);
  }
  Want(Median(with_balance) <= 1.25,
       absl::StrFormat("balance: auto: %.2f of the ideal, wanted 1.25; without it %.2f",
                       Median(with_balance), Median(unhelped)));
  Want(Median(with_backup) <= 1.25,
       absl::StrFormat("backup: 1: %.2f of the step with all alike, wanted 1.25",
                       Median(with_backup)));
  Want(same_bits, "all digests are the plain loop's");
}

}  // namespace
}  // namespace paracord

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 3;
  paracord::MeasureStaleness(rounds);
  paracord::MeasureHelp(rounds);
  return paracord::all_as_wanted ? 0 : 1;
}
