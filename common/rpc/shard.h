// All that a worker sees of a server: one range of a job's blocks. The real object
// (server/parameter_shard behind server), the gRPC stub (remote_shard) and the faulty wrapper of
// the tests all are this.
//
// Calls return at once; `done` is called exactly once, on any thread, and must not block.
#pragma once

#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/payload.h"
#include "common/rpc/coordinator.h"
#include "proto/shard.pb.h"

namespace paracord {

class Shard {
 public:
  virtual ~Shard() = default;

  // Takes the partial sum of one tree node for whole blocks; `floats` holds exactly theirs. OK: it
  // counts once, now or already; the answer is empty. With `header.pull()` it goes on as a Pull of
  // the version that this step makes; if that takes too long, the answer is empty too: pull.
  // With `header.minibatch()`: one minibatch's gradient, applied at once, and a Pull of the newest.
  // FailedPrecondition, Unavailable: the plan's number is older, newer than the shard's.
  // InvalidArgument: no node, wrong size.
  virtual void Push(const pb::PushHeader& header, Payload floats, Callback<Payload> done) = 0;

  // Answers with the blocks once they have `header.version()`; the floats are references into the
  // store. OutOfRange: that version is gone. Cancelled: the shard adopted a newer plan meanwhile;
  // ask again under that.
  virtual void Pull(const pb::PullHeader& header, Callback<Payload> done) = 0;

  virtual void Query(const pb::QueryRequest& request, Callback<pb::QueryReply> done) = 0;

  // Minibatches that nobody has under this plan, the oldest first; none left: an empty answer.
  virtual void Lease(const pb::LeaseRequest& request, Callback<pb::LeaseReply> done) = 0;

  // The squared norm of a step's whole gradient, once every shard has told its part; the same again
  // if it is asked again. Of those who are no server: Unimplemented.
  virtual void Norm(const pb::NormRequest& request, Callback<pb::NormReply> done) {
    done(absl::UnimplementedError("no server"));
  }
};

// What the floats of a push's answer are a read for: see PullHeader.version.
inline uint64_t AnsweredVersion(const pb::PushHeader& push) {
  return push.minibatch() ? push.next_step() : push.step() + 1;
}

}  // namespace paracord
