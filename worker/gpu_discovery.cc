#include "worker/gpu_discovery.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <optional>
#include <set>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/child_process.h"
#include "common/base/daemon.h"
#include "common/base/status.h"
#include "nlohmann/json.hpp"

namespace paracord {
namespace {

using Json = nlohmann::ordered_json;

constexpr Duration kLook = milliseconds(5);
constexpr Duration kReapTime = seconds(1);  // of a killed one; a driver may hold it for ever
constexpr int kMostIndex = 63;

// Its exit number; nothing: it still runs.
std::optional<int> WaitFor(pid_t pid, Duration patience) {
  const TimePoint until = Clock::now() + patience;
  while (true) {
    int status = 0;
    if (waitpid(pid, &status, WNOHANG) == pid) return ExitNumber(status);
    if (Clock::now() >= until) return std::nullopt;
    std::this_thread::sleep_for(kLook);
  }
}

std::optional<GpuInfo> ParseGpu(const Json& json) {
  const auto has = [&](const char* key, bool (Json::*is)() const noexcept) {
    const auto found = json.find(key);
    return found != json.end() && ((*found).*is)();
  };
  const bool good = json.is_object() && has("index", &Json::is_number_unsigned) &&
                    has("name", &Json::is_string) &&
                    has("memory_bytes", &Json::is_number_unsigned) &&
                    has("compute_class", &Json::is_string);
  if (!good || json["index"].get<uint64_t>() > kMostIndex) return std::nullopt;
  return GpuInfo{json["index"].get<int>(), json["name"].get<std::string>(),
                 json["memory_bytes"].get<uint64_t>(), json["compute_class"].get<std::string>()};
}

// The last line of what it has printed that is an object; drivers print, too.
std::string LineOf(const std::string& output) {
  std::string last;
  for (const auto line : absl::StrSplit(output, '\n')) {
    if (absl::StartsWith(line, "{")) last = std::string(line);
  }
  return last;
}

}  // namespace

int RunListGpus() {
  std::cout << GpusJson(ListGpus()) << std::endl;
  _exit(0);  // a driver that is open may crash on the way out
}

std::string GpusJson(const absl::StatusOr<std::vector<GpuInfo>>& gpus) {
  Json json = {{"gpus", Json::array()}};
  if (!gpus.ok()) {
    json["why"] = std::string(gpus.status().message());
  } else {
    for (const GpuInfo& gpu : *gpus) {
      json["gpus"].push_back({{"index", gpu.index},
                              {"name", gpu.name},
                              {"memory_bytes", gpu.memory_bytes},
                              {"compute_class", gpu.compute_class}});
    }
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::StatusOr<std::vector<GpuInfo>> ParseGpusJson(const std::string& line) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  const absl::Status wrong =
      absl::InvalidArgumentError("found no line of JSON with a list of GPUs");
  if (!json.is_object() || !json.contains("gpus") || !json["gpus"].is_array()) return wrong;
  std::vector<GpuInfo> gpus;
  std::set<int> indices;
  for (const Json& item : json["gpus"]) {
    const auto gpu = ParseGpu(item);
    if (!gpu || !indices.insert(gpu->index).second) return wrong;
    gpus.push_back(*gpu);
  }
  if (!gpus.empty()) return gpus;
  const bool told = json.contains("why") && json["why"].is_string();
  return absl::NotFoundError(told ? json["why"].get<std::string>() : "no GPU was found");
}

absl::StatusOr<std::vector<GpuInfo>> AskForGpus(const std::string& program, const std::string& log,
                                                Duration patience) {
  std::remove(log.c_str());
  ASSIGN_OR_RETURN(const pid_t pid, StartChild({program, "--list-gpus"}, log, SIGKILL));
  const std::string command = absl::StrCat(program, " --list-gpus");
  const std::optional<int> exit = WaitFor(pid, patience);
  if (!exit) {
    kill(pid, SIGKILL);
    WaitFor(pid, kReapTime);
    return absl::InternalError(
        absl::StrCat(command, " has not ended after ",
                     std::chrono::duration_cast<milliseconds>(patience).count(), " ms; see ", log));
  }
  if (*exit != 0) {
    return absl::InternalError(absl::StrCat(command, " ended with ", *exit, "; see ", log));
  }
  ASSIGN_OR_RETURN(const std::string output, ReadFile(log));
  auto gpus = ParseGpusJson(LineOf(output));
  if (!absl::IsInvalidArgument(gpus.status())) return gpus;
  return absl::InternalError(
      absl::StrCat(command, ": ", std::string(gpus.status().message()), "; see ", log));
}

}  // namespace paracord
