#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "common/base/child_process.h"
#include "common/base/daemon.h"
#include "scheduler/cli/live_process.h"
#include "scheduler/cli/verbs.h"
#include "tests/cli/fake_cluster.h"
#include "tests/support/temporary_directory.h"

namespace paracord {
namespace {

// Processes that look like a cluster's: shells under other names, which wait for ever.
class Processes {
 public:
  ~Processes() {
    for (const pid_t pid : pids_) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
  }
  // `argument`: one more word on its command line.
  pid_t Start(const std::string& program, const std::string& argument = "") {
    const std::string path = folder_.path() + "/" + program;
    std::error_code ignored;
    std::filesystem::create_symlink("/bin/sh", path, ignored);
    const auto pid = StartChild({path, "-c", "read nothing <" + Fifo() + "; :", "sh", argument},
                                folder_.path() + "/log", SIGKILL);
    REQUIRE(pid.ok());
    pids_.push_back(*pid);
    const TimePoint until = Clock::now() + seconds(10);
    while (!Shows(*pid, path) && Clock::now() < until) std::this_thread::yield();
    INFO("waited 10 s for pid " << *pid << " to become " << path);
    REQUIRE(Shows(*pid, path));
    return *pid;
  }
  // The signal that ended it; 0: none has.
  int EndedBy(pid_t pid) {
    siginfo_t info = {};
    const TimePoint until = Clock::now() + milliseconds(300);
    do {
      waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT);
    } while (info.si_pid != pid && Clock::now() < until);
    return info.si_pid == pid ? info.si_status : 0;
  }

 private:
  // A child is this program until it has become the other.
  static bool Shows(pid_t pid, const std::string& path) {
    const auto command = ReadFile("/proc/" + std::to_string(pid) + "/cmdline");
    return command.ok() && command->find(path) == 0;
  }
  // Nobody ever writes to it, so its reader waits.
  std::string Fifo() {
    const std::string path = folder_.path() + "/fifo";
    mkfifo(path.c_str(), 0600);
    return path;
  }

  TemporaryDirectory folder_;
  std::vector<pid_t> pids_;
};

struct Stage {
  void Add(pb::Role role, const std::string& id, int64_t pid,
           const std::string& address = "127.0.0.1:7000") {
    pb::Node* node = coordinator.nodes.add_nodes();
    node->set_id(id);
    node->set_role(role);
    node->set_pid(pid);
    node->set_address(address);
  }
  // One round.
  int Run(std::vector<std::string> kinds) {
    return RunChaos(context, {std::move(kinds), seconds(5), milliseconds(1), 7});
  }

  FakeCoordinator coordinator;
  std::ostringstream out, err;
  Context context{.scheduler = "127.0.0.1:1",
                  .json = true,
                  .out = out,
                  .err = err,
                  .connect = [this](const std::string&) -> std::unique_ptr<Coordinator> {
                    return std::make_unique<BorrowedCoordinator>(coordinator);
                  }};
};

TEST_CASE("chaos kills a process of the kind that was asked for, and prints it as a line of JSON") {
  Processes processes;
  Stage stage;
  stage.coordinator.nodes.set_chaos(true);
  const pid_t server = processes.Start("paracord-server");
  const pid_t worker = processes.Start("paracord-worker");
  stage.Add(pb::SERVER, "server-0", server);
  stage.Add(pb::WORKER, "worker-0", worker);
  REQUIRE(stage.Run({"server"}) == kOk);
  CHECK(processes.EndedBy(server) == SIGKILL);
  CHECK(processes.EndedBy(worker) == 0);
  const Json line = Json::parse(stage.out.str());
  CHECK(line["kind"] == "server");
  CHECK(line["id"] == "server-0");
  CHECK(line["pid"] == server);
}

TEST_CASE("a task is killed as a task, and its daemon is not taken for one") {
  Processes processes;
  Stage stage;
  stage.coordinator.nodes.set_chaos(true);
  const pid_t daemon = processes.Start("paracord-worker");
  const pid_t task = processes.Start("paracord-worker", "--task");
  stage.Add(pb::WORKER, "worker-0", daemon);
  pb::JobStatus* job = stage.coordinator.jobs.add_jobs();
  job->set_id("j-1");
  pb::TaskStatus* status = job->add_tasks();
  status->set_node("worker-0");
  status->set_pid(daemon);
  CHECK(stage.Run({"task"}) == kFailed);
  CHECK(processes.EndedBy(daemon) == 0);
  status->set_pid(task);
  CHECK(stage.Run({"task"}) == kOk);
  CHECK(processes.EndedBy(task) == SIGKILL);
  CHECK(Json::parse(stage.out.str())["id"] == "j-1.0");
}

TEST_CASE("a cluster that does not allow chaos is left alone, and how to allow it is said") {
  Processes processes;
  Stage stage;
  const pid_t server = processes.Start("paracord-server");
  stage.Add(pb::SERVER, "server-0", server);
  CHECK(stage.Run({"server"}) == kFailed);
  CHECK(processes.EndedBy(server) == 0);
  CHECK(stage.err.str().find("up --chaos") != std::string::npos);
  CHECK(stage.out.str().empty());
}

TEST_CASE("a pid that is somebody else's by now is not killed, and what it is is said") {
  Processes processes;
  Stage stage;
  stage.coordinator.nodes.set_chaos(true);
  const pid_t other = processes.Start("paracord-worker");
  stage.Add(pb::SERVER, "server-0", other);
  CHECK(stage.Run({"server"}) == kFailed);
  CHECK(processes.EndedBy(other) == 0);
  CHECK(stage.err.str().find("paracord-worker") != std::string::npos);
}

TEST_CASE("a process of another host is not looked for on this one") {
  Processes processes;
  Stage stage;
  stage.coordinator.nodes.set_chaos(true);
  const pid_t server = processes.Start("paracord-server");
  stage.Add(pb::SERVER, "server-0", server, "192.0.2.1:7000");  // RFC 5737: nobody has it
  CHECK(stage.Run({"server"}) == kFailed);
  CHECK(processes.EndedBy(server) == 0);
  CHECK(stage.err.str().find("192.0.2.1:7000") != std::string::npos);
  CHECK(IsOnThisHost("[::1]:7000") != IsOnThisHost("[2001:db8::1]:7000"));
}

TEST_CASE("when nobody of a kind is alive chaos goes on, and kills nobody") {
  Stage stage;
  stage.coordinator.nodes.set_chaos(true);
  stage.Add(pb::SERVER, "server-0", 0);
  CHECK(stage.Run({"server"}) == kOk);
  CHECK(stage.out.str().empty());
  CHECK(stage.err.str().find("no server is alive") != std::string::npos);
  CHECK(RunChaos(stage.context, {{"server"}, Duration::zero(), seconds(1), 7}) == kUsage);
}

}  // namespace
}  // namespace paracord
