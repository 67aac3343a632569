#include "scheduler/cli/local_cluster.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>
#include <utility>

#include "absl/strings/ascii.h"
#include "common/base/config.h"
#include "common/base/daemon.h"
#include "common/base/status.h"
#include "common/rpc/rpc.h"
#include "nlohmann/json.hpp"

namespace paracord {
namespace {

constexpr char kAnyPort[] = "127.0.0.1:0";

// A JSON string is a YAML string, whatever is in it.
std::string Quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

uint32_t CountOr(const nlohmann::json& json, const char* key, uint32_t fallback) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number_unsigned() ? found->get<uint32_t>() : fallback;
}

std::vector<std::string> Settings(const LocalMember& member, const std::string& scheduler,
                                  const std::string& bind, const ClusterSize& size) {
  std::vector<std::string> settings = {absl::StrCat("bind=", Quoted(bind)),
                                       absl::StrCat("directory=", Quoted(member.directory))};
  if (member.role == "scheduler") {
    settings.push_back(absl::StrCat("min_servers=", size.servers));
    return settings;
  }
  settings.push_back(absl::StrCat("name=", member.name));
  settings.push_back(absl::StrCat("scheduler=", Quoted(scheduler)));
  if (member.role == "worker") {
    const uint32_t cores = std::max(1u, std::thread::hardware_concurrency());
    settings.push_back(absl::StrCat("slots=", size.slots));
    settings.push_back(absl::StrCat("threads=", ThreadsPerSlot(cores, size)));
  }
  return settings;
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
  if (bind.empty() || (free_port_if_taken && !PortIsFree(bind))) bind = kAnyPort;
  auto text = ReadFile(member.ConfigPath());
  std::vector<ConfigError> errors;
  const std::string changed = SetConfigValues(text.ok() && !text->empty() ? *text : "{}\n",
                                              Settings(member, scheduler, bind, size_), &errors);
  if (!errors.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(member.ConfigPath(), ": ", ErrorString(errors.front())));
  }
  if (text.ok() && changed == *text) return absl::OkStatus();
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

bool PortIsFree(const std::string& address) {
  const auto parts = SplitAddress(address);
  sockaddr_in where = {};
  where.sin_family = AF_INET;
  if (!parts.ok() || inet_pton(AF_INET, parts->first.c_str(), &where.sin_addr) != 1) return false;
  where.sin_port = htons(static_cast<uint16_t>(parts->second));
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  const bool free =
      bind(fd, reinterpret_cast<sockaddr*>(&where), sizeof(where)) == 0 && listen(fd, 1) == 0;
  close(fd);
  return free;
}

}  // namespace paracord
