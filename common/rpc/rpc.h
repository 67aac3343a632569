// What every gRPC client and server here has in common: message limits, address checks, status
// conversion.   [door: gRPC]
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace paracord {

absl::Status FromGrpc(const grpc::Status& status);
grpc::Status ToGrpc(const absl::Status& status);

// Connects lazily, and again within a second of the peer's return. Payload messages may have any
// size.
std::shared_ptr<grpc::Channel> OpenChannel(const std::string& address);

// {"host", port}; an IPv6 address keeps its brackets: {"[::1]", port}. InvalidArgument: not
// HOST:PORT, with what was found.
absl::StatusOr<std::pair<std::string, int>> SplitAddress(const std::string& address);

// A server's address, before and after it is bound.
struct Listening {
  std::string bind;  // HOST:PORT, port 0: any free one
  int port = 0;      // the chosen one, 0: not bound
};
// Can a server listen at `bind`? Asked first, because gRPC does not say why it could not.
// InvalidArgument: no such address; AlreadyExists: "cannot listen on 127.0.0.1:7200: the port is in
// use by another process".
absl::Status CheckFree(const std::string& bind);
// Sets message limits and the listening address on `builder`. After BuildAndStart pass the result
// to CheckBound.
void Listen(grpc::ServerBuilder& builder, Listening& listening);
absl::Status CheckBound(const grpc::Server* server, const Listening& listening);

// The address others reach us at: `advertise` if given (port 0 or none: the bound one), else the
// bound host, or this host's name for 0.0.0.0.
std::string AdvertisedAddress(const Listening& listening, const std::string& advertise);

}  // namespace paracord
