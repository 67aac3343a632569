// Makes an asynchronous call and waits for its answer: for threads that have nothing else to do
// (commands, tests, starting up). Never on a strand, a timer or a gRPC thread.
#pragma once

#include <future>
#include <memory>
#include <utility>

#include "common/rpc/coordinator.h"

namespace paracord {

// Await<pb::GetJobReply>([&](auto done) { coordinator.GetJob(request, std::move(done)); })
// Every call has its own deadline, so this returns.
template <class Reply, class Call>
absl::StatusOr<Reply> Await(Call&& call) {
  auto promise = std::make_shared<std::promise<absl::StatusOr<Reply>>>();
  auto future = promise->get_future();
  call([promise](absl::StatusOr<Reply> reply) { promise->set_value(std::move(reply)); });
  return future.get();
}

}  // namespace paracord
