// How often things happen in a job, and the `checkpoint` and `restart` of its file.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "common/base/config.h"
#include "common/job/parse_early_stop.h"

namespace paracord {

inline constexpr uint64_t kMostSteps = 1'000'000'000'000'000;

// "100 steps", "1 epoch", "end" (both 0). A missing node leaves both as they are; a wrong one is
// reported.
void ParseEvery(const ConfigNode& node, uint64_t* steps, uint64_t* epochs);

// How often the state is kept, besides step 0, the job's end and an orderly stop. At most one of
// the first three is not 0; none: only then.
struct CheckpointSpec {
  uint64_t every_steps = 0;
  uint64_t every_epochs = 0;
  int64_t every_ns = int64_t{600} * 1'000'000'000;
  uint32_t keep = 3;        // the newest so many are kept,
  uint64_t keep_every = 0;  // and those at multiples of so many steps; 0: no others
  std::string copy_to;      // a folder that all servers share, absolute; empty: no copies
  // Of this metric; every evaluated step is kept until its figure is known. Bsp only.
  std::optional<EvaluatedMetric> best;
};

// {every: 100 steps | 1 epoch | 10 minutes | end, keep: 3, keep_every: 1000 steps, copy_to: FOLDER}
// `best` is left to ParseBest, which is called before. `directory`: what a relative path is
// relative to.
CheckpointSpec ParseCheckpoint(const ConfigNode& node, const std::string& directory);

// Where the copy of a checkpoint lies: "FOLDER/JOB/step-000000000100"; of a job that went back,
// "FOLDER/JOB/step-000000000100-history-2": a copy of the steps that were undone may be on its way
// there still, or about to be dropped.
std::string CopyFolder(const std::string& copy_to, const std::string& job, uint64_t step,
                       uint64_t history);

// What the job begins with; nothing: with the seed's first values.
struct InitSpec {
  std::string checkpoint;                  // a copy's folder, absolute; or
  std::string job;                         // another job of the cluster, at its
  std::optional<uint64_t> step;            // checkpoint of this step; not given: the newest,
  bool best = false;                       // or the best, as that job's checkpoint.best has it; or
  std::string safetensors;                 // a file of weights, absolute: step 0 begins with them
  std::map<std::string, std::string> map;  // the names that tensors have there, if not their own
  int line = 0;                            // where `safetensors` stands in the job file
};

// {checkpoint: FOLDER}, {job: ID, step: 100}, {job: ID, step: best} or
// {safetensors: FILE, map: {0.weight: fc.weight}}
InitSpec ParseInit(const ConfigNode& node, const std::string& directory);

// How often tasks may be lost before the job fails.
struct RestartSpec {
  uint32_t max_restarts = 5;
  int64_t window_ns = 0;  // those within so long count; 0: all of the job
};

// {max_restarts: 5, window: 1h}
RestartSpec ParseRestart(const ConfigNode& node);

}  // namespace paracord
