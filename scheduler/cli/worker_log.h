// Reads a task's log from the worker daemon that ran it. Blocks; one thread.   [door: gRPC]
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "proto/worker.grpc.pb.h"

namespace paracord {

class WorkerLog {
 public:
  // `address`: HOST:PORT of the daemon. `offset`: bytes that have been read already.
  WorkerLog(const std::string& address, std::string job, uint32_t rank, uint64_t offset);

  uint64_t offset() const { return offset_; }
  // What has been written since the last call, at most 256 KiB; empty: nothing new. Waits at most 5
  // s for an answer. Any error may pass; the next call goes on from the same place. NotFound: that
  // daemon never ran the task.
  absl::StatusOr<std::string> ReadNext();

 private:
  const std::string address_;
  const std::string job_;
  const uint32_t rank_;
  uint64_t offset_;
  std::unique_ptr<pb::WorkerNode::Stub> stub_;
};

}  // namespace paracord
