// Servers behind gRPC. All calls go through one completion queue with one polling thread, shared by
// all the servers of a process. Deadlines: Push 10 s, Pull 15 s, Query 5 s.   [door: gRPC]
#pragma once

#include <memory>
#include <string>

#include "common/rpc/shard.h"

namespace paracord {

class DataPoller;  // the completion queue and its thread

std::shared_ptr<DataPoller> MakeDataPoller();

// `address`: HOST:PORT of a server daemon. Destroying it cancels what is under way and waits for
// the callbacks: not from inside one.
std::unique_ptr<Shard> MakeRemoteShard(const std::string& address,
                                       std::shared_ptr<DataPoller> poller);
std::unique_ptr<Shard> MakeRemoteShard(const std::string& address);  // with a poller of its own

}  // namespace paracord
