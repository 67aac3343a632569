#include "scheduler/cli/worker_log.h"

#include <chrono>
#include <utility>

#include "common/base/status.h"
#include "common/rpc/rpc.h"

namespace paracord {

WorkerLog::WorkerLog(const std::string& address, std::string job, uint32_t rank, uint64_t offset)
    : address_(address),
      job_(std::move(job)),
      rank_(rank),
      offset_(offset),
      stub_(pb::WorkerNode::NewStub(OpenChannel(address))) {}

absl::StatusOr<std::string> WorkerLog::ReadNext() {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
  pb::ReadLogRequest request;
  request.set_job(job_);
  request.set_rank(rank_);
  request.set_offset(offset_);
  pb::ReadLogReply reply;
  const absl::Status status = FromGrpc(stub_->ReadLog(&context, request, &reply));
  if (!status.ok()) return Annotate(status, absl::StrCat("worker at ", address_));
  offset_ = reply.next_offset();
  return reply.data();
}

}  // namespace paracord
