// The configuration that all daemons share.
#pragma once

#include <string>

#include "common/base/config.h"
#include "common/base/log.h"

namespace paracord {

struct DaemonOptions {
  std::string bind;       // HOST:PORT, port 0: any free one
  std::string advertise;  // where others reach it; empty: bound host, or this host's name
  std::string directory;  // what must survive
  LogLevel log_level = LogLevel::kInfo;
};

// Of a daemon that joins a scheduler.
struct MemberOptions : DaemonOptions {
  std::string name;
  std::string scheduler = "127.0.0.1:7200";
};

// Reads the keys above into `options`, which has the defaults; errors go to the node. A member's
// default directory is paracord-NAME.
void ParseDaemonOptions(const ConfigNode& root, DaemonOptions* options);
void ParseMemberOptions(const ConfigNode& root, MemberOptions* options);

// The same keys as lines of YAML.
std::string PrintDaemonOptions(const DaemonOptions& options);
std::string PrintMemberOptions(const MemberOptions& options);

}  // namespace paracord
