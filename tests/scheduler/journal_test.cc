#include "scheduler/journal.h"

#include <rocksdb/db.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "common/base/daemon.h"
#include "common/rpc/remote_coordinator.h"
#include "common/rpc/wait.h"
#include "scheduler/job_table.h"
#include "scheduler/scheduler.h"

namespace paracord {
namespace {

struct Folder {
  std::filesystem::path path;
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "paracord-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
};

pb::JobRecord Record(const std::string& id, uint64_t order) {
  pb::JobRecord record;
  record.mutable_job()->set_id(id);
  record.set_order(order);
  return record;
}

TEST_CASE("what was written is there after the journal was opened again, the newest of each job") {
  Folder folder;
  {
    auto journal = OpenJournal(folder.path.string()).value();
    pb::ClusterRecord cluster;
    cluster.set_cluster("c");
    cluster.set_next_order(3);
    REQUIRE(journal->Write(cluster).ok());
    REQUIRE(journal->Write(Record("b-2", 2)).ok());
    REQUIRE(journal->Write(Record("a-1", 1)).ok());
    REQUIRE(journal->Write(Record("a-1", 7)).ok());
  }
  const auto contents = OpenJournal(folder.path.string()).value()->Load();
  REQUIRE(contents.ok());
  CHECK(contents->cluster->next_order() == 3);
  REQUIRE(contents->jobs.size() == 2);
  CHECK(contents->jobs[0].order() == 7);
  CHECK(contents->jobs[1].job().id() == "b-2");
}

TEST_CASE("a journal that another has open is refused") {
  Folder folder;
  const auto first = OpenJournal(folder.path.string());
  REQUIRE(first.ok());
  const auto second = OpenJournal(folder.path.string());
  CHECK(absl::IsAlreadyExists(second.status()));
  CHECK(std::string(second.status().message()).find("in use by another process") !=
        std::string::npos);
}

TEST_CASE("a record that cannot be read is refused and named") {
  Folder folder;
  OpenJournal(folder.path.string()).value().reset();
  const std::string value =
      GENERATE(std::string("\xff\xff\xff"), Record("b-2", 1).SerializeAsString(),
               Record("a-1", 1).SerializeAsString());
  {
    rocksdb::DB* db = nullptr;
    REQUIRE(rocksdb::DB::Open(rocksdb::Options(), (folder.path / "journal").string(), &db).ok());
    REQUIRE(db->Put(rocksdb::WriteOptions(), "job/a-1", value).ok());
    pb::ClusterRecord cluster;
    REQUIRE(db->Put(rocksdb::WriteOptions(), "cluster", cluster.SerializeAsString()).ok());
    delete db;
  }
  // The last value is a record, but not of a job that could have been submitted.
  const auto table = JobTable::Load(OpenJournal(folder.path.string()).value());
  CHECK(absl::IsDataLoss(table.status()));
  CHECK(std::string(table.status().message()).find("job/a-1") != std::string::npos);
}

TEST_CASE("the daemon binds, writes its address, answers over gRPC and says why it cannot start") {
  Folder folder;
  Scheduler::Options options;
  options.bind = "127.0.0.1:0";
  options.directory = (folder.path / "scheduler").string();
  options.log_level = LogLevel::kError;
  auto started = Scheduler::Start(options);
  REQUIRE(started.ok());
  Scheduler& scheduler = **started;
  CHECK(ReadFile(options.directory + "/address").value() == scheduler.address() + "\n");

  const auto remote = MakeRemoteCoordinator(scheduler.address());
  const auto nodes = Await<pb::ListNodesReply>(
      [&](auto done) { remote->ListNodes(pb::ListNodesRequest(), std::move(done)); });
  REQUIRE(nodes.ok());
  REQUIRE(nodes->nodes_size() == 1);
  CHECK(nodes->nodes(0).address() == scheduler.address());
  CHECK(nodes->nodes(0).pid() == getpid());
  pb::GetJobRequest unknown;
  unknown.set_id("nobody");
  const auto missing =
      Await<pb::GetJobReply>([&](auto done) { remote->GetJob(unknown, std::move(done)); });
  CHECK(absl::IsNotFound(missing.status()));
  CHECK(missing.status().message() == "no job 'nobody'; there are none");

  CHECK(absl::IsAlreadyExists(Scheduler::Start(options).status()));
  Scheduler::Options same_port = options;
  same_port.bind = scheduler.address();
  same_port.directory = (folder.path / "other").string();
  const absl::Status in_use = Scheduler::Start(same_port).status();
  CHECK(absl::IsAlreadyExists(in_use));
  CHECK(std::string(in_use.message()).find(scheduler.address()) != std::string::npos);
  scheduler.Stop();
}

TEST_CASE("the daemon's configuration prints as it was read, and nonsense is refused") {
  ConfigReader reader(
      "bind: 127.0.0.1:7\nlease: 4s\nmin_servers: 3\nlog_level: debug\nchaos: true\n");
  const Scheduler::Options options = Scheduler::ParseOptions(reader.root());
  CHECK(reader.errors().empty());
  CHECK(options.chaos);
  const std::string printed = Scheduler::PrintOptions(options);
  ConfigReader again(printed);
  CHECK(Scheduler::PrintOptions(Scheduler::ParseOptions(again.root())) == printed);
  CHECK(again.errors().empty());
  ConfigReader bad("lease: 100ms\nmin_server: 1\nbind: nowhere\n");
  (void)Scheduler::ParseOptions(bad.root());
  CHECK(bad.errors().size() == 3);
  ConfigReader manual(
      ReadFile(std::string(PARACORD_SOURCE_DIR) + "/configs/scheduler.yaml").value());
  const std::string defaults = Scheduler::PrintOptions(Scheduler::ParseOptions(manual.root()));
  CHECK(manual.errors().empty());
  CHECK(defaults == Scheduler::PrintOptions(Scheduler::Options()));
}

}  // namespace
}  // namespace paracord
