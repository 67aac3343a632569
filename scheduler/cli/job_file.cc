#include "scheduler/cli/job_file.h"

#include <filesystem>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/base/daemon.h"
#include "common/base/status.h"
#include "scheduler/cli/subprocess.h"

namespace paracord {
namespace {

constexpr int kBadData = 2;

std::vector<std::string> Lines(const std::string& text) {
  return absl::StrSplit(text, '\n', absl::SkipWhitespace());
}

// "train_samples 60000" in what the program printed; 0 if it is not there.
uint64_t SamplesIn(const std::string& output) {
  for (const std::string& line : Lines(output)) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    uint64_t samples = 0;
    if (words.size() == 2 && words[0] == "train_samples" && absl::SimpleAtoi(words[1], &samples)) {
      return samples;
    }
  }
  return 0;
}

void CheckData(const std::string& program, CheckedJob* job) {
  const auto result =
      RunProgram({program, "--check-data", "-", "--directory", job->directory}, job->text);
  if (!result.ok()) {
    job->notes.push_back(absl::StrCat("the data were not checked: ", result.status().message()));
  } else if (result->exit == 0) {
    job->samples = SamplesIn(result->output);
  } else if (result->exit == kBadData) {
    for (const std::string& line : Lines(result->errors)) job->errors.push_back({0, "", line});
    if (job->errors.empty()) job->errors.push_back({0, "data", "refused without a reason"});
  } else {
    job->notes.push_back(absl::StrCat("the data were not checked: ", program, " ended with ",
                                      result->exit, ": ", result->errors));
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
  if (job.errors.empty()) CheckData(worker_program, &job);
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
