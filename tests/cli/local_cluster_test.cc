#include "scheduler/cli/local_cluster.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "common/base/config.h"
#include "common/base/daemon.h"
#include "scheduler/cli/directory_lock.h"
#include "tests/support/temporary_directory.h"

namespace paracord {
namespace {

std::string Setting(const LocalMember& member, const std::string& key) {
  ConfigReader reader(ReadFile(member.ConfigPath()).value_or(""));
  return reader.root().Child(key).text();
}

TEST_CASE("every daemon gets its folder, its name and the scheduler's address") {
  TemporaryDirectory folder;
  const LocalCluster cluster(folder.path() + "/with a space: and \"quotes\"", {2, 1, 3});
  REQUIRE(cluster.Create().ok());
  const std::vector<LocalMember> others = cluster.Others();
  REQUIRE(others.size() == 3);
  REQUIRE(cluster.Configure(cluster.Scheduler(), "", true).ok());
  CHECK(Setting(cluster.Scheduler(), "bind") == "127.0.0.1:0");
  CHECK(Setting(cluster.Scheduler(), "min_servers") == "2");
  CHECK(Setting(cluster.Scheduler(), "directory") == cluster.Scheduler().directory);
  for (const LocalMember& member : others) {
    REQUIRE(cluster.Configure(member, "127.0.0.1:7200", true).ok());
    CHECK(Setting(member, "name") == member.name);
    CHECK(Setting(member, "scheduler") == "127.0.0.1:7200");
    CHECK(Setting(member, "directory") == member.directory);
  }
  CHECK(Setting(others[2], "slots") == "3");
  CHECK(Setting(others[0], "slots").empty());
}

TEST_CASE("a daemon comes back on the port it had, and what people configured stays") {
  TemporaryDirectory folder;
  const LocalCluster cluster(folder.path(), {1, 1, 1});
  REQUIRE(cluster.Create().ok());
  const LocalMember server = cluster.Others()[0];
  REQUIRE(cluster.Configure(server, "127.0.0.1:7200", true).ok());
  std::ofstream(server.ConfigPath(), std::ios::app) << "log_level: debug  # for now\n";
  std::ofstream(server.AddressPath()) << "127.0.0.1:39123\n";
  REQUIRE(cluster.Configure(server, "127.0.0.1:7200", false).ok());
  CHECK(Setting(server, "bind") == "127.0.0.1:39123");
  CHECK(Setting(server, "log_level") == "debug");
  CHECK(ReadFile(server.ConfigPath())->find("# for now") != std::string::npos);
}

TEST_CASE("the host's GPUs are the first worker's, offered as its configuration says") {
  TemporaryDirectory folder;
  const LocalCluster cluster(folder.path(), {1, 3, 1});
  REQUIRE(cluster.Create().ok());
  const std::vector<LocalMember> others = cluster.Others();
  std::ofstream(others[1].ConfigPath()) << "gpu_memory_fraction: 0.45\n";
  for (const LocalMember& member : others) {
    REQUIRE(cluster.Configure(member, "127.0.0.1:7200", true).ok());
  }
  CHECK(others[1].name == "worker-0");
  CHECK(Setting(others[0], "gpus").empty());
  CHECK(Setting(others[1], "gpus").empty());
  CHECK(Setting(others[1], "gpu_memory_fraction") == "0.45");
  CHECK(Setting(others[2], "gpus") == "none");
  CHECK(Setting(others[3], "gpus") == "none");
}

TEST_CASE("a cluster that was once given to chaos stays so; others are not") {
  TemporaryDirectory folder;
  const LocalCluster plain(folder.path(), {1, 1, 1});
  REQUIRE(plain.Create().ok());
  REQUIRE(plain.Configure(plain.Scheduler(), "", true).ok());
  CHECK(Setting(plain.Scheduler(), "chaos").empty());
  const LocalCluster wild(folder.path(), {1, 1, 1}, true);
  for (const LocalCluster* cluster : {&wild, &plain}) {
    REQUIRE(cluster->Configure(cluster->Scheduler(), "", true).ok());
    REQUIRE(cluster->Configure(cluster->Others()[0], "127.0.0.1:7200", true).ok());
    CHECK(Setting(cluster->Scheduler(), "chaos") == "true");
    CHECK(Setting(cluster->Others()[0], "chaos").empty());
  }
}

TEST_CASE("a config file that somebody broke is named") {
  TemporaryDirectory folder;
  const LocalCluster cluster(folder.path(), {1, 1, 1});
  REQUIRE(cluster.Create().ok());
  const LocalMember server = cluster.Others()[0];
  std::ofstream(server.ConfigPath()) << "{";
  const absl::Status status = cluster.Configure(server, "127.0.0.1:7200", true);
  REQUIRE(absl::IsInvalidArgument(status));
  CHECK(std::string(status.message()).find(server.ConfigPath()) != std::string::npos);
}

TEST_CASE("the size of a cluster is remembered in its folder") {
  TemporaryDirectory folder;
  CHECK(RememberedSize(folder.path()).servers == 1);
  REQUIRE(LocalCluster(folder.path(), {2, 3, 4}).Create().ok());
  const ClusterSize size = RememberedSize(folder.path());
  CHECK(size.servers == 2);
  CHECK(size.workers == 3);
  CHECK(size.slots == 4);
  std::ofstream(folder.path() + "/cluster.json") << "{\"servers\": -1, \"workers\": \"x\"}";
  CHECK(RememberedSize(folder.path()).servers == 1);
}

TEST_CASE("the cores are divided among all slots, and every slot has one at least") {
  CHECK(ThreadsPerSlot(16, {1, 2, 2}) == 4);
  CHECK(ThreadsPerSlot(16, {1, 3, 1}) == 5);
  CHECK(ThreadsPerSlot(2, {1, 4, 1}) == 1);
}

TEST_CASE("one folder has one holder, and the next gets it when that has gone") {
  TemporaryDirectory folder;
  CHECK_FALSE(DirectoryLock::Held(folder.path()));
  {
    auto lock = DirectoryLock::Take(folder.path());
    REQUIRE(lock.ok());
    CHECK(DirectoryLock::Held(folder.path()));
    CHECK(absl::IsAlreadyExists(DirectoryLock::Take(folder.path()).status()));
  }
  CHECK_FALSE(DirectoryLock::Held(folder.path()));
  CHECK(DirectoryLock::Take(folder.path()).ok());
  CHECK_FALSE(DirectoryLock::Held("/nowhere/at/all"));
}

TEST_CASE("a folder has one name, however it is written") {
  CHECK(AbsoluteDirectory("/a/b/../c/") == "/a/c");
  CHECK(AbsoluteDirectory("/a/c") == "/a/c");
  CHECK(AbsoluteDirectory("x") == std::filesystem::current_path().string() + "/x");
}

}  // namespace
}  // namespace paracord
