// The scheduler behind gRPC. Every call has a deadline: 5 s, Watch 20 s, a heartbeat half of the
// lease that the last join was answered with, 100 ms at least.
#pragma once

#include <memory>
#include <string>

#include "common/rpc/coordinator.h"
#include "common/rpc/poller.h"

namespace paracord {

// `address`: HOST:PORT. Connects when first used and again whenever needed. Destroying it cancels
// what is under way and waits for the callbacks: not from inside one.
std::unique_ptr<Coordinator> MakeRemoteCoordinator(const std::string& address,
                                                   std::shared_ptr<Poller> poller);
// With a poller of its own.
std::unique_ptr<Coordinator> MakeRemoteCoordinator(const std::string& address);

}  // namespace paracord
