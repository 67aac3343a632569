#include "worker/node_service.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "common/rpc/rpc.h"
#include "proto/worker.grpc.pb.h"
#include "tests/support/temporary_directory.h"
#include "worker/task_keeper.h"

namespace paracord {
namespace {

// A service over a folder with one log, asked over loopback.
struct LogFixture {
  TemporaryDirectory directory;
  std::unique_ptr<NodeService> service = Started();
  std::unique_ptr<pb::WorkerNode::Stub> stub =
      pb::WorkerNode::NewStub(OpenChannel(service->address()));

  std::unique_ptr<NodeService> Started() {
    auto started = NodeService::Start("127.0.0.1:0", "", {"/bin/false", directory.path()});
    REQUIRE(started.ok());
    return *std::move(started);
  }
  void Write(const std::string& text) {
    const std::string path = TaskKeeper::LogPath(directory.path(), "small-1", 2);
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  absl::StatusOr<pb::ReadLogReply> Read(const std::string& job, uint32_t rank, uint64_t offset) {
    pb::ReadLogRequest request;
    request.set_job(job);
    request.set_rank(rank);
    request.set_offset(offset);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    pb::ReadLogReply reply;
    const absl::Status status = FromGrpc(stub->ReadLog(&context, request, &reply));
    if (!status.ok()) return status;
    return reply;
  }
};

TEST_CASE("a log is read from where one is on, piece by piece, to its end and beyond") {
  LogFixture f;
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "line " + std::to_string(i) + "\n";
  f.Write(text);
  std::string read;
  while (true) {
    const auto reply = f.Read("small-1", 2, read.size());
    REQUIRE(reply.ok());
    if (reply->data().empty()) break;
    CHECK(reply->data().size() <= 256 * 1024);
    read += reply->data();
    CHECK(reply->next_offset() == read.size());
  }
  CHECK(read == text);
  const auto beyond = f.Read("small-1", 2, text.size() + 1000);
  REQUIRE(beyond.ok());
  CHECK(beyond->data().empty());
  CHECK(beyond->next_offset() == text.size());
}

TEST_CASE("a task that never ran here has no log, and no job's name leads out of the folder") {
  LogFixture f;
  f.Write("text\n");
  std::ofstream(f.directory.path() + "/task-2.log") << "not for you\n";
  for (const char* job : {"small-2", "", ".", "..", "../logs/small-1", "small-1/"}) {
    INFO(job);
    CHECK(absl::IsNotFound(f.Read(job, 2, 0).status()));
  }
  CHECK(absl::IsNotFound(f.Read("small-1", 3, 0).status()));
  CHECK(f.Read("small-1", 2, 0)->data() == "text\n");
}

TEST_CASE("a port that is taken is AlreadyExists") {
  LogFixture f;
  CHECK(absl::IsAlreadyExists(
      NodeService::Start(f.service->address(), "", {"/bin/false", f.directory.path()}).status()));
}

}  // namespace
}  // namespace paracord
