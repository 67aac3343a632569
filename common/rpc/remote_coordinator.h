// The scheduler behind gRPC. Every call has a deadline: 5 s, Watch 20 s.   [door: gRPC]
#pragma once

#include <memory>
#include <string>

#include "common/rpc/coordinator.h"

namespace paracord {

// `address`: HOST:PORT. Connects when first used and again whenever needed.
std::unique_ptr<Coordinator> MakeRemoteCoordinator(const std::string& address);

}  // namespace paracord
