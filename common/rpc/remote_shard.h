// A server behind gRPC. Deadlines: Push, Pull and Norm 15 s, Query 5 s, one that verifies
// half an hour.
#pragma once

#include <memory>
#include <string>

#include "common/rpc/poller.h"
#include "common/rpc/shard.h"

namespace paracord {

// `address`: HOST:PORT of a server daemon. Destroying it cancels what is under way and waits for
// the callbacks: not from inside one.
std::unique_ptr<Shard> MakeRemoteShard(const std::string& address, std::shared_ptr<Poller> poller);
std::unique_ptr<Shard> MakeRemoteShard(const std::string& address);  // with a poller of its own

}  // namespace paracord
