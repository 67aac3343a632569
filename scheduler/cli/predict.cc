#include <stdlib.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/daemon.h"
#include "common/base/status.h"
#include "scheduler/cli/duration.h"
#include "scheduler/cli/job_file.h"
#include "scheduler/cli/predict_workers.h"
#include "scheduler/cli/safetensors.h"
#include "scheduler/cli/scheduler_client.h"
#include "scheduler/cli/subprocess.h"
#include "scheduler/cli/verbs.h"

namespace paracord {
namespace {

namespace fs = std::filesystem;

constexpr int kWronglyAsked = 2;  // how the worker program ends then

// Gone, with what is in it, when this goes.
class PassingFolder {
 public:
  PassingFolder() {
    std::error_code error;
    std::string name = fs::temp_directory_path(error) / "paracord-predict-XXXXXX";
    if (!error && mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~PassingFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  PassingFolder(const PassingFolder&) = delete;
  PassingFolder& operator=(const PassingFolder&) = delete;
  const std::string& path() const { return path_; }  // empty: there is none

 private:
  std::string path_;
};

// What is asked, wherever it comes from.
struct Asked {
  std::string yaml, directory;  // of the job
  std::string weights;          // safetensors
  std::optional<uint64_t> step = {};
  std::vector<std::string> workers = {};  // who compute, HOST:PORT; none: this host
};

std::string Absolute(const std::string& path) {
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error);
  return error ? path : absolute.lexically_normal().string();
}

absl::Status Check(const PredictArguments& arguments) {
  const bool of_samples = !arguments.input.empty() && !arguments.out.empty();
  if (!of_samples && !arguments.prompt) {
    return absl::InvalidArgumentError("expected --input DATA with --out FILE, or --prompt TEXT");
  }
  if (arguments.job_file.empty() && absl::EndsWith(arguments.model, ".safetensors")) {
    return absl::InvalidArgumentError(
        absl::StrCat("found ", arguments.model,
                     " alone; expected --model JOB.yaml too, whose weights they are"));
  }
  if (arguments.job_file.empty() && !arguments.overrides.empty()) {
    return absl::InvalidArgumentError("found --set with a job's id; expected it with --model");
  }
  return CheckNotRead(arguments.out, {arguments.input, arguments.model, arguments.job_file});
}

absl::StatusOr<Asked> OfFile(const Context& context, const PredictArguments& arguments) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(arguments.job_file));
  EffectiveJob job = ApplyOverrides(text, arguments.overrides);
  if (!job.errors.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(arguments.job_file, ": ", ErrorString(job.errors.front())));
  }
  Asked asked{std::move(job.text), fs::path(Absolute(arguments.job_file)).parent_path(),
              Absolute(arguments.model)};
  if (arguments.workers) {
    ASSIGN_OR_RETURN(const auto scheduler, SchedulerClient::Open(context));
    ASSIGN_OR_RETURN(asked.workers,
                     ReadyWorkers(*scheduler, arguments.workers, DeadlineAfter(arguments.timeout)));
  }
  return asked;
}

absl::StatusOr<Asked> OfJob(const Context& context, const PredictArguments& arguments,
                            const std::string& folder) {
  if (folder.empty()) return absl::UnknownError("cannot make a folder for the weights");
  ASSIGN_OR_RETURN(const auto scheduler, SchedulerClient::Open(context));
  const TimePoint until = DeadlineAfter(arguments.timeout);
  ASSIGN_OR_RETURN(const pb::GetJobReply reply, scheduler->GetJob(arguments.model, until));
  Asked asked{reply.job().yaml(), reply.job().directory(), folder + "/weights.safetensors"};
  WeightsReader reader(*scheduler, context.connect_shard, arguments.model);
  SafetensorsWriter writer(asked.weights);
  ASSIGN_OR_RETURN(asked.step, reader.Read(arguments.step, until, writer));
  RETURN_IF_ERROR(writer.Commit().status());
  if (!arguments.local && !arguments.prompt) {
    ASSIGN_OR_RETURN(asked.workers, ReadyWorkers(*scheduler, arguments.workers, until));
  }
  return asked;
}

std::vector<std::string> CommandFor(const PredictArguments& arguments, const Asked& asked) {
  std::vector<std::string> command = {
      WorkerProgram(), "--predict", "weights=" + asked.weights, "directory=" + asked.directory,
      absl::StrCat("threads=", std::max(1u, std::thread::hardware_concurrency()))};
  const auto add = [&](const char* key, const auto& value) {
    command.push_back(absl::StrCat(key, "=", value));
  };
  if (arguments.prompt) {
    add("prompt", *arguments.prompt);
    add("tokens", arguments.tokens);
    add("temperature", arguments.temperature);
    add("top_k", arguments.top_k);
    add("seed", arguments.seed);
  } else {
    add("input", Absolute(arguments.input));
    add("out", Absolute(arguments.out));
    add("logits", arguments.logits ? 1 : 0);
    add("workers", absl::StrJoin(asked.workers, ","));
  }
  return command;
}

Json StepJson(const Asked& asked) { return asked.step ? Json(*asked.step) : Json(nullptr); }

int TellText(const Context& context, const PredictArguments& arguments, const Asked& asked,
             const std::string& text) {
  const std::string whole = *arguments.prompt + text;
  if (!arguments.out.empty()) {
    const absl::Status written = WriteFileAtomically(arguments.out, whole);
    if (!written.ok()) return Fail(context, written);
  }
  if (context.json) {
    PrintJson(context, {{"prompt", *arguments.prompt}, {"text", text}, {"step", StepJson(asked)}});
  } else if (arguments.out.empty()) {
    context.out << whole << std::endl;
  }
  return kOk;
}

int TellSamples(const Context& context, const PredictArguments& arguments, const Asked& asked,
                const std::string& printed) {
  unsigned long long samples = 0, workers = 0;
  std::sscanf(printed.c_str(), "samples %llu workers %llu", &samples, &workers);
  if (context.json) {
    PrintJson(context, {{"file", arguments.out},
                        {"samples", samples},
                        {"step", StepJson(asked)},
                        {"workers", workers}});
  } else {
    context.out << arguments.out << ": " << samples << " samples";
    if (asked.step) context.out << ", by the weights of step " << *asked.step;
    if (workers > 0) context.out << ", on " << workers << (workers == 1 ? " worker" : " workers");
    context.out << std::endl;
  }
  return kOk;
}

}  // namespace

int RunPredict(const Context& context, const PredictArguments& arguments) {
  const absl::Status good = Check(arguments);
  if (!good.ok()) return Fail(context, good);
  const PassingFolder folder;
  const bool of_file = !arguments.job_file.empty();
  const auto asked =
      of_file ? OfFile(context, arguments) : OfJob(context, arguments, folder.path());
  if (!asked.ok()) return FailTimed(context, asked.status());
  const auto result = RunProgram(CommandFor(arguments, *asked), asked->yaml);
  if (!result.ok()) return Fail(context, result.status());
  if (result->exit != 0) {
    context.err << "paracord: "
                << (result->errors.empty()
                        ? "the worker program ended with " + std::to_string(result->exit) + "\n"
                        : result->errors)
                << std::flush;
    return result->exit == kWronglyAsked ? kUsage : kFailed;
  }
  context.err << result->errors << std::flush;  // of workers that failed
  return arguments.prompt ? TellText(context, arguments, *asked, result->output)
                          : TellSamples(context, arguments, *asked, result->output);
}

}  // namespace paracord
