#include "server/copy_check.h"

#include <algorithm>
#include <iostream>
#include <iterator>

#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/base/log.h"
#include "common/base/safetensors_file.h"
#include "common/base/status.h"
#include "common/job/key_range.h"
#include "common/job/match_weights.h"
#include "common/job/state_settings.h"
#include "server/checkpoint_copy.h"
#include "server/copy_layout.h"
#include "server/copy_manifest.h"

namespace paracord {
namespace {

// What a record does not say is not compared.
std::vector<StateSetting> SettingsOf(const pb::GenerationRecord& record) {
  if (record.virtual_workers() == 0) return {};
  return {{"train.optimizer.kind", record.optimizer()},
          {"train.virtual_workers", absl::StrCat(record.virtual_workers())}};
}

absl::Status CheckPart(const pb::GenerationRecord& part, const std::vector<StateSetting>& settings,
                       const JobSpec& spec) {
  const auto differ = SettingsThatDiffer(StateSettings(spec), settings);
  if (differ.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "the checkpoint of step ", part.step(), " of ", part.job(),
      ", which the job is to begin with, has other settings:\n", absl::StrJoin(differ, "\n")));
}

// Which tensors are others than the model's, for people, where headers have been found to differ.
std::vector<std::string> TensorsThatDiffer(const std::string& folder, size_t shards,
                                           const ModelSpec& model) {
  std::vector<StoredTensor> tensors;
  for (size_t shard = 0; shard < shards; ++shard) {
    const auto file = SafetensorsFile::Open(folder + "/" + WeightsFileName(shard, shards));
    if (!file.ok()) continue;  // no tensor begins in this shard
    tensors.insert(tensors.end(), (*file)->tensors().begin(), (*file)->tensors().end());
  }
  return MatchWeights(model.tensors, {}, tensors).mismatches;
}

absl::Status CheckReaches(uint64_t step, const JobSpec& spec) {
  if (spec.steps == 0 || step <= spec.steps) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("found step ", step, "; expected one of at most train.steps, ", spec.steps));
}

}  // namespace

absl::Status CheckSettings(const std::vector<pb::GenerationRecord>& parts, const JobSpec& spec) {
  for (const pb::GenerationRecord& part : parts) {
    RETURN_IF_ERROR(CheckPart(part, SettingsOf(part), spec));
  }
  return absl::OkStatus();
}

absl::Status CheckCopySuits(const std::string& folder, const JobSpec& spec) {
  ASSIGN_OR_RETURN(const std::vector<CopyManifest> manifests, ReadManifests(folder));
  for (const CopyManifest& manifest : manifests) {
    const pb::GenerationRecord& part = manifest.record;
    const bool says = !manifest.settings.empty();
    RETURN_IF_ERROR(CheckPart(part, says ? manifest.settings : SettingsOf(part), spec));
  }
  RETURN_IF_ERROR(CheckReaches(manifests[0].record.step(), spec));
  const absl::Status good = CheckCopy(folder, GridOf(spec));
  if (!absl::IsInvalidArgument(good)) return good;
  const std::vector<std::string> differ = TensorsThatDiffer(folder, manifests.size(), spec.model);
  if (differ.empty()) return good;
  return absl::InvalidArgumentError(absl::StrCat(folder, ": the copy is not of this job's model:\n",
                                                 absl::StrJoin(differ, "\n")));
}

int RunInitCheck(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: paracord-server --check-init DIRECTORY < JOB.yaml\n";
    return 2;
  }
  SetLogLevel(LogLevel::kError);
  const std::string text(std::istreambuf_iterator<char>(std::cin), {});
  const ParsedJob job = ParseJob(text, argv[2]);
  for (const ConfigError& error : job.errors) std::cerr << ErrorString(error) << "\n";
  if (!job.errors.empty()) return 2;
  const InitSpec& init = job.spec.init;
  if (init.checkpoint.empty()) return 0;
  const absl::Status suits = CheckCopySuits(init.checkpoint, job.spec);
  if (suits.ok()) return 0;
  const std::string where = absl::StrCat("line ", init.line, ": init.checkpoint: ");
  std::cerr << where << absl::StrReplaceAll(suits.message(), {{"\n", "\n" + where}}) << "\n";
  return 2;
}

}  // namespace paracord
