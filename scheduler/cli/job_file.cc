#include "scheduler/cli/job_file.h"

#include <filesystem>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/base/child_process.h"
#include "common/base/daemon.h"
#include "common/base/safetensors_file.h"
#include "common/base/status.h"
#include "common/job/match_weights.h"
#include "scheduler/cli/subprocess.h"

namespace paracord {
namespace {

constexpr int kBadData = 2;

std::vector<std::string> Lines(const std::string& text) {
  return absl::StrSplit(text, '\n', absl::SkipWhitespace());
}

// "steps 1175" in what the program printed; 0 if it is not there.
uint64_t StepsIn(const std::string& output) {
  for (const std::string& line : Lines(output)) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    uint64_t steps = 0;
    if (words.size() == 2 && words[0] == "steps" && absl::SimpleAtoi(words[1], &steps)) {
      return steps;
    }
  }
  return 0;
}

// "line 7: data.train: torn" -> line 7, "data.train: torn".
ConfigError ErrorIn(const std::string& text) {
  ConfigError error{0, "", text};
  const size_t colon = text.find(": ");
  if (text.compare(0, 5, "line ") == 0 && colon != std::string::npos &&
      absl::SimpleAtoi(text.substr(5, colon - 5), &error.line)) {
    error.message = text.substr(colon + 2);
  }
  return error;
}

void CheckData(const std::string& program, CheckedJob* job) {
  const auto result =
      RunProgram({program, "--check-data", "-", "--directory", job->directory}, job->text);
  if (!result.ok()) {
    job->notes.push_back(absl::StrCat("the data were not checked: ", result.status().message()));
  } else if (result->exit == 0) {
    if (job->steps == 0) job->steps = StepsIn(result->output);
  } else if (result->exit == kBadData) {
    for (const std::string& line : Lines(result->errors)) job->errors.push_back(ErrorIn(line));
    if (job->errors.empty()) job->errors.push_back({0, "data", "refused without a reason"});
  } else {
    job->notes.push_back(absl::StrCat("the data were not checked: ", program, " ended with ",
                                      result->exit, ": ", result->errors));
  }
}

// Are the weights that the job begins with those of its model?
void CheckInit(CheckedJob* job) {
  const InitSpec& init = job->spec.init;
  if (init.safetensors.empty()) return;
  const auto refuse = [&](const std::string& what) {
    job->errors.push_back({init.line, "init.safetensors", what});
  };
  const auto file = SafetensorsFile::Open(init.safetensors);
  if (!file.ok()) return refuse(std::string(file.status().message()));
  const WeightsMatch match = MatchWeights(job->spec.model.tensors, init.map, (*file)->tensors());
  for (const std::string& mismatch : match.mismatches) {
    refuse(absl::StrCat(init.safetensors, ": ", mismatch));
  }
}

}  // namespace

std::string WorkerProgram() { return BinaryDirectory() + "/paracord-worker"; }

CheckedJob CheckJobFile(const std::string& path, const std::vector<std::string>& overrides,
                        const std::string& worker_program) {
  CheckedJob job;
  auto text = ReadFile(path);
  if (!text.ok()) {
    job.errors.push_back({0, "", std::string(text.status().message())});
    return job;
  }
  std::error_code ignored;
  job.directory =
      std::filesystem::absolute(path, ignored).lexically_normal().parent_path().string();
  EffectiveJob effective = ApplyOverrides(*text, overrides);
  job.text = std::move(effective.text);
  job.errors = std::move(effective.errors);
  if (!job.errors.empty()) return job;
  ParsedJob parsed = ParseJob(job.text, job.directory);
  job.spec = std::move(parsed.spec);
  job.errors = std::move(parsed.errors);
  job.steps = job.spec.steps;
  if (!job.errors.empty()) return job;
  CheckInit(&job);
  CheckData(worker_program, &job);
  return job;
}

void PrintProblems(const Context& context, const std::string& path, const CheckedJob& job) {
  for (const std::string& note : job.notes) context.err << "note: " << note << std::endl;
  for (ConfigError error : job.errors) {
    context.err << path << ":";
    if (error.line > 0) context.err << error.line << ":";
    error.line = 0;
    context.err << " " << ErrorString(error) << std::endl;
  }
}

}  // namespace paracord
