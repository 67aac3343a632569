// The verbs of the `paracord` command: each takes its arguments and returns the exit code. One verb
// a file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/timer.h"
#include "scheduler/cli/context.h"

namespace paracord {

struct UpArguments {
  std::string directory;
  std::optional<uint32_t> servers, workers,
      slots;           // not given: as before in that directory, else 1
  bool chaos = false;  // `paracord chaos` may kill its processes; false: as before, else not
};
int RunUp(const Context& context, const UpArguments& arguments);

struct ChaosArguments {
  std::vector<std::string> kinds;  // "worker", "server", "scheduler", "task"; drawn from, each time
  Duration every = seconds(5);
  Duration duration = seconds(60);
  std::optional<uint64_t> seed;  // not given: drawn, and printed
};
int RunChaos(const Context& context, const ChaosArguments& arguments);

struct DownArguments {
  std::string directory;
};
int RunDown(const Context& context, const DownArguments& arguments);

struct SubmitArguments {
  std::string file;
  std::vector<std::string> overrides;  // "train.batch_size=64"
  bool follow = false;
};
int RunSubmit(const Context& context, const SubmitArguments& arguments);

struct ValidateArguments {
  std::string file;
  std::vector<std::string> overrides;
  bool expand = false;  // print the model section with its preset's layers written out
};
int RunValidate(const Context& context, const ValidateArguments& arguments);

struct TokenizeArguments {
  std::vector<std::string> inputs;  // text, plain or gzip
  size_t tokens = 0;                // of the vocabulary
  std::string file;
};
int RunTokenize(const Context& context, const TokenizeArguments& arguments);

struct GetArguments {
  std::string job;  // empty: all
};
int RunGet(const Context& context, const GetArguments& arguments);

int RunNodes(const Context& context);

struct NodeArguments {
  std::string node;
};
int RunNodeDrain(const Context& context, const NodeArguments& arguments);
int RunNodeUndrain(const Context& context, const NodeArguments& arguments);

struct LogsArguments {
  std::string job;
  std::optional<uint32_t> task;  // rank; not given: all
  bool follow = false;
};
int RunLogs(const Context& context, const LogsArguments& arguments);

struct CancelArguments {
  std::string job;
};
int RunCancel(const Context& context, const CancelArguments& arguments);

struct SetArguments {
  std::string job;
  std::vector<std::string> settings;  // "consistency=async", "workers={min: 1, max: 8}"
};
int RunSet(const Context& context, const SetArguments& arguments);

struct WaitArguments {
  std::string job;
  Duration timeout{-1};  // below 0: none
};
int RunWait(const Context& context, const WaitArguments& arguments);

struct ExplainArguments {
  std::string job;
};
int RunExplain(const Context& context, const ExplainArguments& arguments);

struct DigestArguments {
  std::string job;
  std::optional<uint64_t> step;  // not given: the newest
  Duration timeout = seconds(60);
};
int RunDigest(const Context& context, const DigestArguments& arguments);

struct AuditArguments {
  std::string job;
  Duration timeout = seconds(60);
};
int RunAudit(const Context& context, const AuditArguments& arguments);

struct ExportArguments {
  std::string job;
  std::string file;
  std::string format;  // empty: by the file's ending
  std::optional<uint64_t> step;
  bool best = false;  // of the best checkpoint, instead
  Duration timeout = seconds(60);
};
int RunExport(const Context& context, const ExportArguments& arguments);

struct PredictArguments {
  std::string model;                   // a job's id, or with `job_file` a safetensors file
  std::string job_file;                // whose model the file's weights are
  std::vector<std::string> overrides;  // of the job file
  std::optional<uint64_t> step;        // of the job; not given: the newest
  std::string input, out;              // samples, predictions; with a prompt `out` may be empty
  bool logits = false;
  std::optional<std::string> prompt;
  uint64_t tokens = 200;
  double temperature = 1;
  uint64_t top_k = 0;  // 0: all
  uint64_t seed = 0;
  bool local = false;               // compute here, not on workers
  std::optional<uint32_t> workers;  // at most; not given: of a job all, of a file none
  Duration timeout = seconds(60);
};
int RunPredict(const Context& context, const PredictArguments& arguments);

struct CheckpointArguments {
  std::string job;
  std::optional<uint64_t> step;
  Duration timeout = seconds(60);
};
int RunCheckpointList(const Context& context, const CheckpointArguments& arguments);
int RunCheckpointSave(const Context& context, const CheckpointArguments& arguments);
int RunCheckpointVerify(const Context& context, const CheckpointArguments& arguments);
int RunCheckpointRestore(const Context& context, const CheckpointArguments& arguments);
int RunCheckpointDelete(const Context& context, const CheckpointArguments& arguments);

}  // namespace paracord
