// What every verb of the `paracord` command is given, and how it ends.
//
// Results go to `out`, messages to `err`; with `json`, `out` holds JSON and nothing else. One
// thread.
#pragma once

#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/rpc/coordinator.h"
#include "common/rpc/remote_coordinator.h"
#include "common/rpc/remote_shard.h"
#include "common/rpc/shard.h"
#include "nlohmann/json.hpp"

namespace paracord {

// Keeps the order in which fields were added, so that output reads as the contract does.
using Json = nlohmann::ordered_json;

enum ExitCode {
  kOk = 0,
  kFailed = 1,     // the job failed or was cancelled; what was asked for cannot be done
  kUsage = 2,      // wrong command line, bad file, unknown job
  kNoCluster = 3,  // nobody answers
  kTimedOut = 4,
};

struct Context {
  std::string scheduler;  // --scheduler HOST:PORT; empty: not given
  bool json = false;      // -o json
  std::ostream& out = std::cout;
  std::ostream& err = std::cerr;
  // How to reach others; tests put their own here.
  std::function<std::unique_ptr<Coordinator>(const std::string&)> connect =
      [](const std::string& address) { return MakeRemoteCoordinator(address); };
  std::function<std::unique_ptr<Shard>(const std::string&)> connect_shard =
      [](const std::string& address) { return MakeRemoteShard(address); };
};

// InvalidArgument: `out` is one of the files that are read; empty names are none.
absl::Status CheckNotRead(const std::string& out, const std::vector<std::string>& inputs);

// Prints what is wrong to `err` and returns the exit code that goes with it.
int Fail(const Context& context, const absl::Status& status);
// The same for verbs with a timeout of their own: nobody there in time is kTimedOut.
int FailTimed(const Context& context, const absl::Status& status);

// One JSON document and a newline to `out`. Bytes that are not UTF-8 (log tails) are replaced.
void PrintJson(const Context& context, const Json& json);

}  // namespace paracord
