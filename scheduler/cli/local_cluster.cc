#include "scheduler/cli/local_cluster.h"

#include <algorithm>
#include <filesystem>
#include <thread>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/config.h"
#include "common/base/daemon.h"
#include "common/base/status.h"
#include "common/rpc/rpc.h"
#include "nlohmann/json.hpp"

namespace paracord {
namespace {

constexpr char kNewConfig[] =
    "# The lines below are set by 'paracord up' at each start; add other keys as you like.\n";
constexpr char kAnyPort[] = "127.0.0.1:0";
constexpr char kFirstWorker[] = "worker-0";

// A JSON string is a YAML string, whatever is in it.
std::string Quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

uint32_t CountOr(const nlohmann::json& json, const char* key, uint32_t fallback) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number_unsigned() ? found->get<uint32_t>() : fallback;
}

using Settings = std::vector<std::pair<std::string, std::string>>;  // top-level key, YAML value

Settings SettingsOf(const LocalMember& member, const std::string& scheduler,
                    const std::string& bind, const ClusterSize& size) {
  Settings settings = {{"bind", Quoted(bind)}, {"directory", Quoted(member.directory)}};
  if (member.role == "scheduler") {
    settings.emplace_back("min_servers", absl::StrCat(size.servers));
    return settings;
  }
  settings.emplace_back("name", member.name);
  settings.emplace_back("scheduler", Quoted(scheduler));
  if (member.role == "worker") {
    const uint32_t cores = std::max(1u, std::thread::hardware_concurrency());
    settings.emplace_back("slots", absl::StrCat(size.slots));
    settings.emplace_back("threads", absl::StrCat(ThreadsPerSlot(cores, size)));
    // The host's GPUs are offered once, as its config.yaml says.
    if (member.name != kFirstWorker) settings.emplace_back("gpus", "none");
  }
  return settings;
}

// The text with a line "key: value" for each setting, in place of the one that was there. All other
// lines stay as somebody wrote them, comments too, which is why this is not left to
// SetConfigValues.
std::string WithSettings(const std::string& text, const Settings& settings) {
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  if (lines.back().empty()) lines.pop_back();
  for (const auto& [key, value] : settings) {
    const std::string line = absl::StrCat(key, ": ", value);
    const auto found =
        std::find_if(lines.begin(), lines.end(), [&, key = key](const std::string& other) {
          return other.compare(0, key.size() + 1, key + ":") == 0;
        });
    if (found == lines.end()) {
      lines.push_back(line);
    } else {
      *found = line;
    }
  }
  return absl::StrJoin(lines, "\n") + "\n";
}

}  // namespace

std::vector<LocalMember> LocalCluster::Others() const {
  std::vector<LocalMember> members;
  for (uint32_t i = 0; i < size_.servers; ++i) {
    members.push_back(Member("server", absl::StrCat("server-", i)));
  }
  for (uint32_t i = 0; i < size_.workers; ++i) {
    members.push_back(Member("worker", absl::StrCat("worker-", i)));
  }
  return members;
}

absl::Status LocalCluster::Create() const {
  std::vector<LocalMember> members = Others();
  members.push_back(Scheduler());
  for (const LocalMember& member : members) {
    std::error_code error;
    std::filesystem::create_directories(member.directory, error);
    if (error) {
      return absl::InvalidArgumentError(absl::StrCat(member.directory, ": ", error.message()));
    }
  }
  const nlohmann::ordered_json json = {
      {"servers", size_.servers}, {"workers", size_.workers}, {"slots", size_.slots}};
  return WriteFileAtomically(directory_ + "/cluster.json", json.dump() + "\n");
}

absl::Status LocalCluster::Configure(const LocalMember& member, const std::string& scheduler,
                                     bool free_port_if_taken) const {
  std::string bind = WrittenAddress(member);
  if (bind.empty() || (free_port_if_taken && !CheckFree(bind).ok())) bind = kAnyPort;
  const auto text = ReadFile(member.ConfigPath());
  Settings settings = SettingsOf(member, scheduler, bind, size_);
  if (chaos_ && member.role == "scheduler") settings.emplace_back("chaos", "true");
  const std::string changed = WithSettings(text.value_or(kNewConfig), settings);
  if (text.ok() && changed == *text) return absl::OkStatus();
  const ConfigReader reader(changed);
  if (!reader.errors().empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(member.ConfigPath(), ": ", ErrorString(reader.errors().front())));
  }
  return WriteFileAtomically(member.ConfigPath(), changed);
}

std::string AbsoluteDirectory(const std::string& path) {
  std::error_code ignored;
  const std::filesystem::path absolute =
      std::filesystem::absolute(path, ignored).lexically_normal();
  return (absolute.has_filename() ? absolute : absolute.parent_path()).string();
}

ClusterSize RememberedSize(const std::string& directory) {
  ClusterSize size;
  const auto text = ReadFile(directory + "/cluster.json");
  if (!text.ok()) return size;
  const auto json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return size;
  size.servers = std::max(1u, CountOr(json, "servers", size.servers));
  size.workers = std::max(1u, CountOr(json, "workers", size.workers));
  size.slots = std::max(1u, CountOr(json, "slots", size.slots));
  return size;
}

std::string WrittenAddress(const LocalMember& member) {
  const auto text = ReadFile(member.AddressPath());
  if (!text.ok()) return "";
  const std::string address(absl::StripAsciiWhitespace(*text));
  return SplitAddress(address).ok() ? address : "";
}

uint32_t ThreadsPerSlot(uint32_t cores, const ClusterSize& size) {
  const uint64_t slots = static_cast<uint64_t>(size.workers) * size.slots;
  return static_cast<uint32_t>(std::max<uint64_t>(1, cores / std::max<uint64_t>(1, slots)));
}

}  // namespace paracord
