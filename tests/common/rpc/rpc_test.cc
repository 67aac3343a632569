#include "common/rpc/rpc.h"

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "common/rpc/remote_coordinator.h"
#include "common/rpc/remote_shard.h"
#include "common/rpc/wait.h"
#include "proto/shard.grpc.pb.h"

namespace paracord {
namespace {

// gRPC serves nobody without a service: a shard that answers every pull with version 9.
class NineShard : public pb::Shard::Service {
  grpc::Status Pull(grpc::ServerContext*, const pb::PullRequest*, pb::PullReply* reply) override {
    reply->mutable_header()->set_version(9);
    reply->set_floats("1234");
    return grpc::Status::OK;
  }
};

struct Bound {
  Listening listening;
  NineShard service;
  std::unique_ptr<grpc::Server> server;
  explicit Bound(const std::string& bind) : listening{bind} {
    grpc::ServerBuilder builder;
    Listen(builder, listening);
    builder.RegisterService(&service);
    server = builder.BuildAndStart();
  }
};

TEST_CASE("every status code crosses gRPC and back, with its message") {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), "why, in words");
    CHECK(FromGrpc(ToGrpc(status)) == status);
  }
  CHECK(FromGrpc(ToGrpc(absl::OkStatus())).ok());
}

TEST_CASE("an address is a host and a port of 0 to 65535; others are told what was found") {
  const auto parts = SplitAddress("host.example:7200");
  REQUIRE(parts.ok());
  CHECK(parts->first == "host.example");
  CHECK(parts->second == 7200);
  CHECK(SplitAddress("[::1]:0")->first == "[::1]");
  for (const char* wrong : {"", "host", ":80", "host:", "host:x", "host:-1", "host:65536", "h:1 2",
                            "::1:7200", "[::1:7200", "[]:7200x"}) {
    const auto status = SplitAddress(wrong).status();
    INFO(wrong);
    CHECK(absl::IsInvalidArgument(status));
    CHECK(std::string(status.message()).find(std::string("'") + wrong + "'") != std::string::npos);
  }
}

TEST_CASE("port 0 picks a free one; a port that is taken is AlreadyExists with the reason") {
  const Bound first("127.0.0.1:0");
  REQUIRE(CheckBound(first.server.get(), first.listening).ok());
  REQUIRE(first.listening.port > 0);
  const std::string taken = "127.0.0.1:" + std::to_string(first.listening.port);
  const Bound second(taken);
  const absl::Status status = CheckBound(second.server.get(), second.listening);
  CHECK(absl::IsAlreadyExists(status));
  CHECK(std::string(status.message()).find(taken + ": the port is in use") != std::string::npos);
}

TEST_CASE("an IPv6 address in brackets can be bound, and others are told it as it was written") {
  CHECK_FALSE(absl::IsInvalidArgument(CheckFree("[::1]:0")));
  CHECK_FALSE(absl::IsInvalidArgument(CheckFree("[::]:0")));
  CHECK(absl::IsInvalidArgument(CheckFree("[127.0.0.1]:0")));
  CHECK(absl::IsInvalidArgument(CheckFree("[host]:0")));
  CHECK(AdvertisedAddress({"[::1]:0", 4321}, "") == "[::1]:4321");
  CHECK(AdvertisedAddress({"[::1]:0", 4321}, "[fe80::1]:0") == "[fe80::1]:4321");
  if (!CheckFree("[::1]:0").ok()) return;  // a host without IPv6
  const Bound first("[::1]:0");
  REQUIRE(CheckBound(first.server.get(), first.listening).ok());
  const std::string taken = "[::1]:" + std::to_string(first.listening.port);
  const absl::Status status = CheckFree(taken);
  CHECK(absl::IsAlreadyExists(status));
  CHECK(std::string(status.message()).find(taken + ": the port is in use") != std::string::npos);
}

TEST_CASE("others reach us at what is advertised, else at the bound host, with the bound port") {
  const Listening any{"0.0.0.0:0", 4321}, loopback{"127.0.0.1:0", 4321};
  CHECK(AdvertisedAddress(loopback, "") == "127.0.0.1:4321");
  CHECK(AdvertisedAddress(any, "node-7") == "node-7:4321");
  CHECK(AdvertisedAddress(any, "node-7:0") == "node-7:4321");
  CHECK(AdvertisedAddress(any, "node-7:99") == "node-7:99");
  const std::string own = AdvertisedAddress(any, "");
  CHECK(own.find("0.0.0.0") == std::string::npos);
  CHECK(own.substr(own.rfind(':')) == ":4321");
}

// An address where nobody listens: bound, then given up.
std::string DeadAddress() {
  const Bound gone("127.0.0.1:0");
  return "127.0.0.1:" + std::to_string(gone.listening.port);
}

TEST_CASE("nobody there is Unavailable, and says who is missed") {
  const std::string address = DeadAddress();
  const auto coordinator = MakeRemoteCoordinator(address);
  const auto jobs = Await<pb::ListJobsReply>(
      [&](auto done) { coordinator->ListJobs(pb::ListJobsRequest(), std::move(done)); });
  CHECK(absl::IsUnavailable(jobs.status()));
  CHECK(std::string(jobs.status().message()).find("scheduler at " + address) != std::string::npos);

  const auto shard = MakeRemoteShard(address);
  const auto floats =
      Await<Payload>([&](auto done) { shard->Pull(pb::PullHeader(), std::move(done)); });
  CHECK(absl::IsUnavailable(floats.status()));
  CHECK(std::string(floats.status().message()).find("server at " + address) != std::string::npos);
}

TEST_CASE("floats of another version than was asked for are refused") {
  const Bound bound("127.0.0.1:0");
  const auto shard = MakeRemoteShard("127.0.0.1:" + std::to_string(bound.listening.port));
  const auto pull = [&](uint64_t version) {
    pb::PullHeader header;
    header.set_version(version);
    return Await<Payload>([&](auto done) { shard->Pull(header, std::move(done)); });
  };
  const auto floats = pull(9);
  REQUIRE(floats.ok());
  CHECK(floats->size() == 4);
  const absl::Status other = pull(8).status();
  CHECK(absl::IsInternal(other));
  CHECK(std::string(other.message()).find("version 9 of the weights, expected 8") !=
        std::string::npos);
}

}  // namespace
}  // namespace paracord
