#include "common/rpc/daemon_options.h"

#include "absl/strings/str_cat.h"
#include "common/base/yaml_write.h"
#include "common/rpc/rpc.h"

namespace paracord {
namespace {

void CheckAddress(const ConfigNode& root, const std::string& key, const std::string& address) {
  if (const auto parts = SplitAddress(address); !parts.ok()) {
    root.Child(key).Error(std::string(parts.status().message()));
  }
}

}  // namespace

void ParseDaemonOptions(const ConfigNode& root, DaemonOptions* options) {
  options->bind = root.String("bind", options->bind);
  options->advertise = root.String("advertise", options->advertise);
  options->directory = root.String("directory", options->directory);
  options->log_level = static_cast<LogLevel>(
      root.Choice("log_level", static_cast<size_t>(options->log_level), LogLevelWords()));
  CheckAddress(root, "bind", options->bind);
}

void ParseMemberOptions(const ConfigNode& root, MemberOptions* options) {
  options->name = root.String("name", options->name);
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
