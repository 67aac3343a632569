// What the mains of the daemons share: the command line, the configuration, signals, exit codes.
//
//   int main(int argc, char** argv) { return paracord::RunDaemon<paracord::Server>(argc, argv); }
//
// --config FILE reads it (without: every default), --set key.path=value changes it, --check prints
// the effective configuration and exits. Exit: 0 stopped in order, 1 failed while running, 2 usage
// or configuration. SIGTERM or SIGINT: Stop() once; a second one exits now with 1.
//
// A daemon D has:
//   struct Options;                                     plain, every default filled in
//   static constexpr const char* kName;                 "paracord-server"
//   static Options ParseOptions(const ConfigNode&);     reads and reports through the node
//   static std::string PrintOptions(const Options&);    YAML again
//   static absl::StatusOr<std::unique_ptr<D>> Start(const Options&);
//                                                       bound, its threads running, when it returns
//   void Stop();                                        drains; returns when everything has ended
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/config.h"

namespace paracord {

// The part that does not depend on the daemon's type.
struct DaemonHooks {
  std::string name;
  std::function<std::string(const ConfigNode&)>
      check;                            // parses; returns the effective configuration as YAML
  std::function<absl::Status()> start;  // after check
  std::function<void()> stop;           // drains
};
int RunDaemonHooks(int argc, char** argv, const DaemonHooks& hooks);

// From inside a daemon that cannot do its work, on any thread: it stops in order, says why, and
// exits with 2 for InvalidArgument and AlreadyExists (its configuration is to be mended), else
// with 1.
void FailDaemon(const absl::Status& why);

// Writes `text` to `path` so that a reader sees all of it or nothing.
absl::Status WriteFileAtomically(const std::string& path, const std::string& text);
absl::StatusOr<std::string> ReadFile(const std::string& path);

// 64 random bits from the kernel: incarnations, identities.
uint64_t RandomId();

// Reads DIRECTORY/identity, or draws and writes one. Creates the directory.
absl::StatusOr<std::string> DirectoryIdentity(const std::string& directory);

template <class D>
int RunDaemon(int argc, char** argv) {
  typename D::Options options;
  std::unique_ptr<D> daemon;
  DaemonHooks hooks;
  hooks.name = D::kName;
  hooks.check = [&](const ConfigNode& root) {
    options = D::ParseOptions(root);
    return D::PrintOptions(options);
  };
  hooks.start = [&]() -> absl::Status {
    auto started = D::Start(options);
    if (!started.ok()) return started.status();
    daemon = *std::move(started);
    return absl::OkStatus();
  };
  hooks.stop = [&] { daemon->Stop(); };
  return RunDaemonHooks(argc, argv, hooks);
}

}  // namespace paracord
