#include "common/job/parse_checkpoint.h"

#include <filesystem>
#include <optional>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "common/base/units.h"

namespace paracord {
namespace {

using NodeKind = ConfigNode::Kind;

// "100 steps" for `word` "step": 100.
std::optional<uint64_t> CountOf(const std::string& text, const std::string& word) {
  const std::vector<std::string> words = absl::StrSplit(text, ' ', absl::SkipEmpty());
  uint64_t count = 0;
  const bool counted = words.size() == 2 && absl::SimpleAtoi(words[0], &count) && count >= 1 &&
                       count <= kMostSteps && (words[1] == word || words[1] == word + "s");
  return counted ? std::optional<uint64_t>(count) : std::nullopt;
}

// "10 minutes", and what ParseNanoseconds takes.
std::optional<int64_t> DurationOf(const std::string& text) {
  constexpr const char* kUnits[][2] = {{"second", " s"}, {"minute", " min"}, {"hour", " h"}};
  for (const auto& [word, unit] : kUnits) {
    const auto count = CountOf(text, word);
    if (count.has_value()) return ParseNanoseconds(absl::StrCat(*count, unit));
  }
  const auto duration = ParseNanoseconds(text);
  return duration.has_value() && *duration > 0 ? duration : std::nullopt;
}

std::string Absolute(const std::string& path, const std::string& directory) {
  return (std::filesystem::path(directory) / path).lexically_normal();
}

void ParseCheckpointEvery(const ConfigNode& node, CheckpointSpec* spec) {
  if (node.kind() == NodeKind::kMissing) return;
  const std::string text = node.text();
  const auto steps = CountOf(text, "step"), epochs = CountOf(text, "epoch");
  const auto duration = DurationOf(text);
  if (!steps && !epochs && !duration && text != "end") {
    return node.Error(absl::StrCat("found ", node.Found(), "; expected as in '100 steps', ",
                                   "'1 epoch', '10 minutes' or 'end'"));
  }
  spec->every_steps = steps.value_or(0);
  spec->every_epochs = epochs.value_or(0);
  spec->every_ns = steps || epochs ? 0 : duration.value_or(0);
}

void ParseWeightsFile(const ConfigNode& node, const std::string& directory, InitSpec* spec) {
  const ConfigNode file = node.Child("safetensors");
  const std::string path = file.AsString();
  if (path.empty() && !file.faulty()) file.Error("found an empty path; expected that of a file");
  spec->safetensors = Absolute(path, directory);
  spec->line = file.line();
  if (!node.Has("map")) return;
  const ConfigNode map = node.Child("map");
  if (map.kind() != NodeKind::kMap) {
    map.Error(absl::StrCat("found ", map.Found(),
                           "; expected names by name, as in {0.weight: fc1.weight}"));
  }
  for (const std::string& tensor : map.Keys()) spec->map[tensor] = map.String(tensor);
}

}  // namespace

void ParseEvery(const ConfigNode& node, uint64_t* steps, uint64_t* epochs) {
  if (node.kind() == NodeKind::kMissing) return;
  const auto by_steps = CountOf(node.text(), "step"), by_epochs = CountOf(node.text(), "epoch");
  if (!by_steps && !by_epochs && node.text() != "end") {
    return node.Error(
        absl::StrCat("found ", node.Found(), "; expected as in '100 steps', '1 epoch' or 'end'"));
  }
  *steps = by_steps.value_or(0);
  *epochs = by_epochs.value_or(0);
}

CheckpointSpec ParseCheckpoint(const ConfigNode& node, const std::string& directory) {
  CheckpointSpec spec;
  ParseCheckpointEvery(node.Child("every"), &spec);
  spec.keep = static_cast<uint32_t>(node.Integer("keep", spec.keep, {1, 1e6}));
  const ConfigNode keep_every = node.Child("keep_every");
  if (keep_every.kind() != NodeKind::kMissing) {
    const auto steps = CountOf(keep_every.text(), "step");
    if (!steps) {
      keep_every.Error(absl::StrCat("found ", keep_every.Found(), "; expected as in '1000 steps'"));
    }
    spec.keep_every = steps.value_or(0);
  }
  if (node.Has("copy_to")) spec.copy_to = Absolute(node.String("copy_to"), directory);
  node.Finish();
  return spec;
}

std::string CopyFolder(const std::string& copy_to, const std::string& job, uint64_t step,
                       uint64_t history) {
  const std::string folder = absl::StrFormat("%s/%s/step-%012d", copy_to, job, step);
  return history > 1 ? absl::StrCat(folder, "-history-", history) : folder;
}

InitSpec ParseInit(const ConfigNode& node, const std::string& directory) {
  InitSpec spec;
  if (node.kind() == NodeKind::kMissing) return spec;
  const bool of_job = node.Has("job"), of_file = node.Has("safetensors");
  if (of_job + of_file + node.Has("checkpoint") > 1) {
    node.Error("found several things to begin with; expected one of checkpoint, job, safetensors");
  }
  if (of_file) {
    ParseWeightsFile(node, directory, &spec);
  } else if (!of_job) {
    spec.checkpoint = Absolute(node.String("checkpoint"), directory);
    spec.line = node.Child("checkpoint").line();
  } else {
    spec.job = node.String("job");
    spec.best = node.Child("step").text() == "best";
    if (node.Has("step") && !spec.best) {
      spec.step = static_cast<uint64_t>(node.Integer("step", 0, {0, double{kMostSteps}}));
    }
  }
  node.Finish();
  return spec;
}

RestartSpec ParseRestart(const ConfigNode& node) {
  RestartSpec spec;
  spec.max_restarts =
      static_cast<uint32_t>(node.Integer("max_restarts", spec.max_restarts, {0, 1e6}));
  spec.window_ns = node.Nanoseconds("window", spec.window_ns);
  node.Finish();
  return spec;
}

}  // namespace paracord
