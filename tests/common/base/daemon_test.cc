#include "common/base/daemon.h"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>
#include <thread>

#include "common/base/child_process.h"
#include "tests/support/temporary_directory.h"

namespace paracord {
namespace {

struct Ended {
  int exit = -1;
  std::string said;
};

// A daemon in a process of its own, which fails with `why` once it runs.
Ended RunAndFail(const std::string& config, const absl::Status& why) {
  TemporaryDirectory folder;
  const std::string file = folder.path() + "/daemon.yaml", said = folder.path() + "/said";
  std::ofstream(file) << config;
  const pid_t pid = fork();
  if (pid == 0) {
    if (std::freopen(said.c_str(), "w", stderr) == nullptr) _exit(99);
    DaemonHooks hooks;
    hooks.name = "paracord-test";
    hooks.check = [](const ConfigNode& root) { return root.String("name", ""); };
    std::thread failing;
    hooks.start = [&] {
      failing = std::thread([&] { FailDaemon(why); });
      return absl::OkStatus();
    };
    hooks.stop = [&] {
      failing.join();
      std::fputs("stopped in order\n", stderr);
      std::fflush(stderr);
    };
    std::string words[] = {"paracord-test", "--config", file};
    char* arguments[] = {words[0].data(), words[1].data(), words[2].data()};
    _exit(RunDaemonHooks(3, arguments, hooks));
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return {ExitNumber(status), ReadFile(said).value()};
}

TEST_CASE("a daemon that is told that its configuration is wrong says where, stops, exits with 2") {
  const Ended ended = RunAndFail(
      "# mine\nname: a b\n", absl::InvalidArgumentError("refused: found name 'a b', expected x"));
  INFO(ended.said);
  CHECK(ended.exit == 2);
  CHECK(ended.said.find("daemon.yaml: line 2: name: refused: found name 'a b', expected x") !=
        std::string::npos);
  CHECK(ended.said.find("stopped in order") != std::string::npos);
}

TEST_CASE("a daemon that fails otherwise says so, stops, exits with 1") {
  const Ended ended = RunAndFail("name: a\n", absl::DataLossError("the disk is gone"));
  INFO(ended.said);
  CHECK(ended.exit == 1);
  CHECK(ended.said.find("paracord-test: the disk is gone") != std::string::npos);
  CHECK(ended.said.find("stopped in order") != std::string::npos);
}

}  // namespace
}  // namespace paracord
