#include <catch2/catch.hpp>
#include <sstream>

#include "common/rpc/rpc.h"
#include "proto/worker.grpc.pb.h"
#include "scheduler/cli/verbs.h"
#include "tests/cli/fake_cluster.h"

namespace paracord {
namespace {

// A worker daemon with one log, at an address of its own each time it is started.
class LogKeeper : public pb::WorkerNode::Service {
 public:
  LogKeeper() { Start(); }
  ~LogKeeper() override { Stop(); }
  void Restart() {
    Stop();
    Start();
  }
  const std::string& address() const { return address_; }
  std::string log;

  grpc::Status ReadLog(grpc::ServerContext*, const pb::ReadLogRequest* request,
                       pb::ReadLogReply* reply) override {
    reply->set_data(log.substr(std::min<size_t>(request->offset(), log.size())));
    reply->set_next_offset(log.size());
    return grpc::Status::OK;
  }

 private:
  void Start() {
    grpc::ServerBuilder builder;
    Listening listening{"127.0.0.1:0"};
    Listen(builder, listening);
    builder.RegisterService(this);
    auto next = builder.BuildAndStart();
    REQUIRE(CheckBound(next.get(), listening).ok());
    address_ = AdvertisedAddress(listening, "");
    server_ = std::move(next);
  }
  void Stop() { server_->Shutdown(std::chrono::system_clock::now() + seconds(1)); }

  std::string address_;
  std::unique_ptr<grpc::Server> server_;
};

TEST_CASE("logs -f goes on where it was when a worker is back at another port, or a task moved") {
  FakeCoordinator coordinator;
  LogKeeper first, second;
  first.log = "one\n";
  second.log = "elsewhere\n";
  pb::JobStatus* status = coordinator.reply.mutable_status();
  status->set_id("j-1");
  status->set_state(pb::RUNNING);
  status->add_tasks()->set_node("worker-0");
  const auto show = [&] {
    coordinator.nodes.clear_nodes();
    for (const auto& [id, keeper] :
         {std::pair("worker-0", &first), std::pair("worker-1", &second)}) {
      pb::Node* node = coordinator.nodes.add_nodes();
      node->set_id(id);
      node->set_address(keeper->address());
    }
  };
  show();
  int turn = 0;
  coordinator.before_job = [&] {
    ++turn;
    if (turn == 2) {  // started again, on the same folder
      first.Restart();
      first.log += "two\n";
      show();
    }
    if (turn == 3) status->mutable_tasks(0)->set_node("worker-1");
    if (turn == 4) {
      status->mutable_tasks(0)->set_node("worker-0");
      first.log += "three\n";
    }
    if (turn == 5) status->set_state(pb::SUCCEEDED);
  };
  std::ostringstream out, err;
  const Context context{.scheduler = "127.0.0.1:1",
                        .json = false,
                        .out = out,
                        .err = err,
                        .connect = [&](const std::string&) -> std::unique_ptr<Coordinator> {
                          return std::make_unique<BorrowedCoordinator>(coordinator);
                        }};
  CHECK(RunLogs(context, {.job = "j-1", .task = {}, .follow = true}) == kOk);
  CHECK(out.str() == "one\ntwo\nelsewhere\nthree\n");
  CHECK(err.str() == "");
}

}  // namespace
}  // namespace paracord
