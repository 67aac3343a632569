#include "scheduler/cli/cluster_address.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "common/base/daemon.h"
#include "common/base/status.h"
#include "common/rpc/rpc.h"
#include "nlohmann/json.hpp"

namespace paracord {
namespace {

absl::StatusOr<ClusterAddress> Checked(ClusterAddress cluster) {
  RETURN_IF_ERROR(Annotate(SplitAddress(cluster.address).status(), cluster.source));
  return cluster;
}

}  // namespace

std::string PointerPath() {
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == 0) {
    const passwd* entry = getpwuid(getuid());
    home = entry == nullptr ? nullptr : entry->pw_dir;
  }
  return home == nullptr ? "" : absl::StrCat(home, "/.local/state/paracord");
}

std::optional<ClusterPointer> ReadPointer(const std::string& path) {
  auto text = ReadFile(path);
  if (!text.ok()) return std::nullopt;
  const auto json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  const auto text_of = [&](const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_string() ? found->get<std::string>() : "";
  };
  return ClusterPointer{text_of("dir"), text_of("scheduler")};
}

absl::Status WritePointer(const std::string& path, const ClusterPointer& pointer) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (error) return absl::UnknownError(absl::StrCat(path, ": ", error.message()));
  nlohmann::ordered_json json;
  json["dir"] = pointer.directory;
  json["scheduler"] = pointer.scheduler;
  const auto replace = nlohmann::ordered_json::error_handler_t::replace;
  return WriteFileAtomically(path, json.dump(-1, ' ', false, replace) + "\n");
}

void RemovePointer(const std::string& path, const std::string& directory) {
  const auto pointer = ReadPointer(path);
  if (!pointer.has_value() || pointer->directory != directory) return;
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
}

absl::StatusOr<ClusterAddress> ResolveCluster(const std::string& flag,
                                              const std::string& environment,
                                              const std::string& pointer_path) {
  if (!flag.empty()) return Checked({flag, "--scheduler"});
  if (!environment.empty()) return Checked({environment, "$PARACORD_SCHEDULER"});
  if (auto pointer = ReadPointer(pointer_path); pointer.has_value()) {
    return Checked(
        {pointer->scheduler, absl::StrCat(pointer_path, ", started in ", pointer->directory)});
  }
  return absl::UnavailableError(absl::StrCat(
      "no cluster is named: tried --scheduler (not given), $PARACORD_SCHEDULER (not set), ",
      pointer_path.empty() ? "~/.local/state/paracord" : pointer_path,
      " (not there); start one here with 'paracord up --dir DIR'"));
}

}  // namespace paracord
