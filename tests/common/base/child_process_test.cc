#include "common/base/child_process.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/temporary_directory.h"

namespace paracord {
namespace {

struct Ended {
  int number = -1;
  std::string log;
};

std::string ReadAll(const std::string& path) {
  std::ifstream in(path);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

Ended RunToEnd(const std::vector<std::string>& command, const std::string& log,
               const std::vector<std::string>& environment = {}) {
  const auto pid = StartChild(command, log, SIGKILL, environment);
  if (!pid.ok()) return {};
  int status = 0;
  waitpid(*pid, &status, 0);
  return {ExitNumber(status), ReadAll(log)};
}

TEST_CASE("a child's output of both kinds is appended to its log, its exit code comes back") {
  const TemporaryDirectory directory;
  const std::string log = directory.path() + "/log";
  std::ofstream(log) << "before\n";
  const Ended ended = RunToEnd({"/bin/sh", "-c", "echo out; echo err >&2; exit 7"}, log);
  CHECK(ended.number == 7);
  CHECK(ended.log == "before\nout\nerr\n");
}

TEST_CASE("a child that a signal ended counts as 128 and the signal") {
  const TemporaryDirectory directory;
  CHECK(RunToEnd({"/bin/sh", "-c", "kill -9 $$"}, directory.path() + "/log").number == 128 + 9);
  CHECK(RunToEnd({"/bin/sh", "-c", "kill -TERM $$"}, directory.path() + "/log").number == 128 + 15);
}

TEST_CASE("extra variables replace those that are there, the rest is inherited") {
  const TemporaryDirectory directory;
  setenv("PARACORD_TEST_KEPT", "kept", 1);
  setenv("PARACORD_TEST_REPLACED", "old", 1);
  const Ended ended =
      RunToEnd({"/bin/sh", "-c", "echo $PARACORD_TEST_KEPT $PARACORD_TEST_REPLACED $PARACORD_NEW"},
               directory.path() + "/log", {"PARACORD_TEST_REPLACED=new", "PARACORD_NEW=more"});
  unsetenv("PARACORD_TEST_KEPT");
  unsetenv("PARACORD_TEST_REPLACED");
  CHECK(ended.log == "kept new more\n");
}

TEST_CASE("a program that cannot be executed ends with 127 and says so in the log") {
  const TemporaryDirectory directory;
  const Ended ended = RunToEnd({directory.path() + "/no-such-program"}, directory.path() + "/log");
  CHECK(ended.number == 127);
  CHECK(ended.log == "cannot be executed\n");
}

TEST_CASE("a log that cannot be opened is an error with its path, and no child") {
  const TemporaryDirectory directory;
  const std::string log = directory.path() + "/no/such/folder/log";
  const auto pid = StartChild({"/bin/true"}, log, SIGKILL);
  REQUIRE_FALSE(pid.ok());
  CHECK(std::string(pid.status().message()).find(log) != std::string::npos);
}

TEST_CASE("a child dies with its parent") {
  const TemporaryDirectory directory;
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  // A parent of its own, that starts a child which holds the pipe open, tells its pid, and dies.
  const pid_t parent = fork();
  if (parent == 0) {
    const auto child = StartChild({"/bin/sleep", "1000"}, directory.path() + "/log", SIGKILL);
    const pid_t pid = child.ok() ? *child : 0;
    (void)!write(ends[1], &pid, sizeof(pid));
    _exit(0);
  }
  close(ends[1]);
  pid_t child = 0;
  REQUIRE(read(ends[0], &child, sizeof(child)) == sizeof(child));
  REQUIRE(child > 0);
  waitpid(parent, nullptr, 0);
  char byte;
  CHECK(read(ends[0], &byte, 1) == 0);  // the last holder of the other end is gone
  close(ends[0]);
}

TEST_CASE("the binary's folder is where this test is") {
  CHECK(std::filesystem::exists(BinaryDirectory() + "/test_base"));
}

}  // namespace
}  // namespace paracord
