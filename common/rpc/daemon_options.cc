#include "common/rpc/daemon_options.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/name.h"
#include "common/base/yaml_write.h"
#include "common/rpc/rpc.h"

namespace paracord {
namespace {

void CheckAddress(const ConfigNode& root, const std::string& key, const std::string& address) {
  if (const auto parts = SplitAddress(address); !parts.ok()) {
    root.Child(key).Error(std::string(parts.status().message()));
  }
}

// HOST or HOST:PORT, as others are to write it; empty: nothing is said.
void CheckAdvertise(const ConfigNode& root, const std::string& advertise) {
  const ConfigNode node = root.Child("advertise");
  if (advertise.empty() || node.faulty()) return;
  const bool brackets = advertise[0] == '[';  // an IPv6 address, with colons of its own
  const size_t host_end = brackets ? advertise.find(']') + 1 : advertise.find(':');
  const std::string host = advertise.substr(0, host_end);
  const bool plain = std::all_of(host.begin(), host.end(), [brackets](char c) {
    return absl::ascii_isalnum(c) || c == '.' || c == '-' || c == '_' ||
           (brackets && (c == '[' || c == ']' || c == ':' || c == '%'));
  });
  const auto parts = SplitAddress(advertise);
  const bool port = host == advertise || (parts.ok() && parts->first == host);
  if (!host.empty() && plain && port) return;
  node.Error(absl::StrCat("found ", node.Found(), ", expected HOST or HOST:PORT"));
}

}  // namespace

void ParseDaemonOptions(const ConfigNode& root, DaemonOptions* options) {
  options->bind = root.String("bind", options->bind);
  options->advertise = root.String("advertise", options->advertise);
  options->directory = root.String("directory", options->directory);
  options->log_level = static_cast<LogLevel>(
      root.Choice("log_level", static_cast<size_t>(options->log_level), LogLevelWords()));
  CheckAddress(root, "bind", options->bind);
  CheckAdvertise(root, options->advertise);
}

void ParseMemberOptions(const ConfigNode& root, MemberOptions* options) {
  options->name = ReadName(root, options->name);
  options->scheduler = root.String("scheduler", options->scheduler);
  options->directory = absl::StrCat("paracord-", options->name);
  CheckAddress(root, "scheduler", options->scheduler);
  ParseDaemonOptions(root, options);
}

std::string PrintDaemonOptions(const DaemonOptions& options) {
  return absl::StrCat(
      "bind: ", YamlScalar(options.bind), "\nadvertise: ", YamlScalar(options.advertise),
      "\ndirectory: ", YamlScalar(options.directory),
      "\nlog_level: ", LogLevelWords()[static_cast<size_t>(options.log_level)], "\n");
}

std::string PrintMemberOptions(const MemberOptions& options) {
  return absl::StrCat("name: ", YamlScalar(options.name),
                      "\nscheduler: ", YamlScalar(options.scheduler), "\n",
                      PrintDaemonOptions(options));
}

}  // namespace paracord
