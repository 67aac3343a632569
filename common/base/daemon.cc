#include "common/base/daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "common/base/log.h"
#include "common/base/mutex.h"
#include "common/base/status.h"

namespace paracord {
namespace {

constexpr int kOk = 0, kFailed = 1, kUsage = 2;

struct CommandLine {
  std::string config;
  std::vector<std::string> overrides;
  bool check = false;
  bool help = false;
};

absl::StatusOr<CommandLine> ParseCommandLine(int argc, char** argv) {
  CommandLine out;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--check") {
      out.check = true;
    } else if (word == "--help" || word == "-h") {
      out.help = true;
    } else if (word == "--config" || word == "--set") {
      if (++i == argc)
        return absl::InvalidArgumentError(absl::StrCat(word, ": a value is missing"));
      if (word == "--config") out.config = argv[i];
      if (word == "--set") out.overrides.push_back(argv[i]);
    } else {
      return absl::InvalidArgumentError(absl::StrCat(
          "found '", word, "', expected --config FILE, --set key=value, --check or --help"));
    }
  }
  return out;
}

std::string Source(const CommandLine& line, const DaemonHooks& hooks) {
  return line.config.empty() ? hooks.name : line.config;
}

// `text` becomes the configuration as written, overrides applied; `effective` what is in effect.
// kUsage after having printed every error.
int Configure(const CommandLine& line, const DaemonHooks& hooks, std::string* text,
              std::string* effective) {
  if (!line.config.empty()) {
    auto read = ReadFile(line.config);
    if (!read.ok()) {
      std::cerr << hooks.name << ": " << read.status().message() << "\n";
      return kUsage;
    }
    *text = *read;
  }
  std::vector<ConfigError> errors;
  if (!line.overrides.empty()) *text = SetConfigValues(*text, line.overrides, &errors);
  ConfigReader reader(*text);
  if (errors.empty()) *effective = hooks.check(reader.root());
  if (errors.empty()) errors = reader.errors();
  for (const ConfigError& error : errors) {
    std::cerr << Source(line, hooks) << ": " << ErrorString(error) << "\n";
  }
  return errors.empty() ? kOk : kUsage;
}

// What this host cannot follow, at the key that asked for it: the one that the message begins with,
// else the one whose value it names (the longest, since "1" is in many an address).
ConfigError AtKey(const std::string& text, const std::string& message) {
  ConfigError error{0, "", message};
  size_t longest = 0;
  const ConfigReader reader(text);
  for (const std::string& key : reader.root().Keys()) {
    const ConfigNode node = reader.root().Child(key);
    const std::string begin = key + ": ";
    if (absl::StartsWith(message, begin)) return {node.line(), key, message.substr(begin.size())};
    const std::string value = node.text();
    if (value.size() <= longest || message.find(value) == std::string::npos) continue;
    longest = value.size();
    error.line = node.line();
    error.path = key;
  }
  return error;
}

// Prints why a daemon cannot run. A configuration that this host or this cluster cannot follow is
// the user's to mend, like one that does not parse.
int Fail(const absl::Status& why, const CommandLine& line, const DaemonHooks& hooks,
         const std::string& text) {
  const std::string message(why.message());
  const bool usage = absl::IsAlreadyExists(why) || absl::IsInvalidArgument(why);
  std::cerr << (usage ? Source(line, hooks) : hooks.name) << ": "
            << (usage ? ErrorString(AtKey(text, message)) : message) << std::endl;
  return usage ? kUsage : kFailed;
}

// What FailDaemon was told: signals are the process's, and so is the reason for one.
struct Failure {
  Mutex mutex;
  absl::Status why ABSL_GUARDED_BY(mutex);
};
Failure& TheFailure() {
  static Failure* const failure = new Failure;  // never destroyed: any thread may come at any time
  return *failure;
}

absl::Status WhyItFailed() {
  MutexLock lock(TheFailure().mutex);
  return TheFailure().why;
}

sigset_t StopSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

int RunDaemonHooks(int argc, char** argv, const DaemonHooks& hooks) {
  const auto line = ParseCommandLine(argc, argv);
  if (!line.ok()) {
    std::cerr << hooks.name << ": " << line.status().message() << "\n";
    return kUsage;
  }
  if (line->help) {
    std::cout << "usage: " << hooks.name << " [--config FILE] [--set key=value ...] [--check]\n";
    return kOk;
  }
  std::string text, effective;
  if (const int bad = Configure(*line, hooks, &text, &effective); bad != kOk) return bad;
  if (line->check) {
    std::cout << effective;
    return kOk;
  }
  const sigset_t signals = StopSignals();  // blocked in every thread from here on; waited for below
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  if (const absl::Status started = hooks.start(); !started.ok()) {
    return Fail(started, *line, hooks, text);
  }
  int signal = 0;
  sigwait(&signals, &signal);
  const absl::Status failure = WhyItFailed();
  const int code = failure.ok() ? kOk : Fail(failure, *line, hooks, text);
  if (failure.ok()) LogInfo("stopping on ", strsignal(signal));
  std::thread([signals] {
    int second = 0;
    sigwait(&signals, &second);
    LogWarning("second signal: stopping now");
    _exit(kFailed);
  }).detach();
  hooks.stop();
  LogInfo("stopped");
  std::cout.flush();
  _exit(code);  // everything has ended; static destructors would run under gRPC's own threads
}

void FailDaemon(const absl::Status& why) {
  {
    MutexLock lock(TheFailure().mutex);
    TheFailure().why.Update(why);
  }
  kill(getpid(), SIGTERM);  // RunDaemonHooks waits for it
}

absl::Status WriteFileAtomically(const std::string& path, const std::string& text) {
  const std::string temporary = absl::StrCat(path, ".", getpid(), ".new");
  std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out || std::rename(temporary.c_str(), path.c_str()) != 0) {
    return absl::UnavailableError(absl::StrCat("cannot write ", path, ": ", std::strerror(errno)));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return absl::InvalidArgumentError(absl::StrCat("cannot read ", path, ": it is a directory"));
  }
  std::ifstream in(path, std::ios::binary);
  if (!in)
    return absl::NotFoundError(absl::StrCat("cannot read ", path, ": ", std::strerror(errno)));
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

uint64_t RandomId() {
  uint64_t id = 0;
  while (id == 0) PARACORD_CHECK(getrandom(&id, sizeof(id), 0) == sizeof(id));
  return id;
}

absl::StatusOr<std::string> DirectoryIdentity(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    return absl::InvalidArgumentError(absl::StrCat("directory ", directory, ": ", error.message()));
  }
  const std::string path = absl::StrCat(directory, "/identity");
  auto found = ReadFile(path);
  if (found.ok() && !found->empty()) return found;
  const std::string drawn = absl::StrFormat("%016x", RandomId());
  RETURN_IF_ERROR(WriteFileAtomically(path, drawn));
  return drawn;
}

}  // namespace paracord
