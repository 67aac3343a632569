#include "scheduler/cli/process_keeper.h"

#include <signal.h>

#include <catch2/catch.hpp>
#include <functional>
#include <thread>

#include "common/base/daemon.h"
#include "tests/support/temporary_directory.h"

namespace paracord {
namespace {

// Tends until `done`, for 10 s at most.
bool TendUntil(ProcessKeeper& keeper, const std::function<bool()>& done) {
  const TimePoint until = Clock::now() + seconds(10);
  while (!done()) {
    if (Clock::now() >= until) return false;
    keeper.Tend();
    std::this_thread::yield();
  }
  return true;
}

ProcessSpec Shell(const TemporaryDirectory& folder, const std::string& name,
                  const std::string& script) {
  return {name, {"/bin/sh", "-c", script}, folder.path() + "/" + name + ".log", {}};
}

std::string LogOf(const TemporaryDirectory& folder, const std::string& name) {
  return ReadFile(folder.path() + "/" + name + ".log").value_or("");
}

TEST_CASE("a child that is killed is started again within 200 ms, after its preparation") {
  TemporaryDirectory folder;
  ProcessKeeper keeper;
  int prepared = 0;
  ProcessSpec spec = Shell(folder, "a", "exec sleep 100");
  spec.prepare = [&] { ++prepared; };
  keeper.Start(spec);
  const pid_t first = keeper.pid("a");
  REQUIRE(first > 0);
  const TimePoint killed = Clock::now();
  REQUIRE(kill(first, SIGKILL) == 0);
  REQUIRE(TendUntil(keeper, [&] { return keeper.pid("a") != 0 && keeper.pid("a") != first; }));
  CHECK(Clock::now() - killed < milliseconds(200));
  CHECK(prepared == 2);
  keeper.Stop("", seconds(10));
  CHECK(keeper.pid("a") == 0);
}

TEST_CASE("a child that dies at once is started again with pauses, not in a spin") {
  TemporaryDirectory folder;
  ProcessKeeper keeper;
  keeper.Start(Shell(folder, "a", "echo started; exit 3"));
  const TimePoint until = Clock::now() + milliseconds(800);
  TendUntil(keeper, [&] { return Clock::now() >= until; });
  const std::string log = LogOf(folder, "a");
  const auto starts = std::count(log.begin(), log.end(), '\n');
  // At once four times, then after 100, 200, 400 ms.
  CHECK(starts >= 3);
  CHECK(starts <= 9);
  keeper.Stop("", seconds(10));
}

TEST_CASE("stopping by prefix leaves the others running, and what was stopped stays down") {
  TemporaryDirectory folder;
  ProcessKeeper keeper;
  keeper.Start(Shell(folder, "server-0", "exec sleep 100"));
  keeper.Start(Shell(folder, "worker-0", "exec sleep 100"));
  keeper.Start(Shell(folder, "worker-1", "exec sleep 100"));
  keeper.Stop("worker", seconds(10));
  for (int i = 0; i < 100; ++i) keeper.Tend();
  CHECK(keeper.pid("worker-0") == 0);
  CHECK(keeper.pid("worker-1") == 0);
  CHECK(kill(keeper.pid("server-0"), 0) == 0);
  keeper.Stop("server", seconds(10));
}

TEST_CASE("a child that does not stop on SIGTERM is killed after the grace") {
  TemporaryDirectory folder;
  ProcessKeeper keeper;
  keeper.Start(Shell(folder, "deaf", "trap '' TERM; echo ready; while true; do sleep 0.05; done"));
  const pid_t pid = keeper.pid("deaf");
  REQUIRE(TendUntil(keeper, [&] { return LogOf(folder, "deaf") == "ready\n"; }));
  keeper.Stop("deaf", milliseconds(100));
  CHECK(kill(pid, 0) != 0);
}

TEST_CASE("a program that is not there is told in its log and does not stop the keeper") {
  TemporaryDirectory folder;
  ProcessKeeper keeper;
  keeper.Start({"none", {"/nowhere/program"}, folder.path() + "/none.log", {}});
  CHECK(TendUntil(keeper, [&] { return LogOf(folder, "none").find("cannot be executed") == 0; }));
  keeper.Stop("", seconds(10));
}

}  // namespace
}  // namespace paracord
