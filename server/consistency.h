// How stale a read may be, and which gradients still count: the whole difference between the modes
// of training.
//
//   bsp     every read sees every gradient of every earlier step and no other; sums follow the
//           reduction tree.
//   ssp(s)  a read for step t sees every gradient of steps before t - s, and what else has come.
//   async   a read sees what has come.
//
// A block at version t holds what steps 0 .. t-1 made of it. The version before is kept until the
// first push of step t arrives: by then every worker has begun step t, so nobody can want it any
// more (a task begins a step only when every shard has answered for it), while a task that was
// restarted in the middle of step t - 1 still finds it.
//
// Source of ssp: Ho et al., "More Effective Distributed ML via a Stale Synchronous Parallel
// Parameter Server", NIPS 2013, section 3.
#pragma once

#include <cstdint>

namespace paracord {

struct BulkSynchronous {
  enum class Push { kRepeat, kAdd, kTooEarly };
  // A gradient of `step` for a block at `version`.
  static Push ForPush(uint64_t step, uint64_t version) {
    if (step < version) return Push::kRepeat;
    return step == version ? Push::kAdd : Push::kTooEarly;
  }

  enum class Pull { kCurrent, kPrevious, kLater, kGone };  // from good to bad
  // A read of version `wanted` of a block at `version`.
  static Pull ForPull(uint64_t wanted, uint64_t version, bool has_previous) {
    if (wanted == version) return Pull::kCurrent;
    if (wanted > version) return Pull::kLater;
    return has_previous && wanted + 1 == version ? Pull::kPrevious : Pull::kGone;
  }
};

// ssp and async: minibatches are applied as they come. A block's version is the step before which
// it has all of them.
struct BoundedStaleness {
  static constexpr uint64_t kUnbounded = UINT64_MAX;
  uint64_t bound = kUnbounded;  // steps

  // Steps whose gradients a read for `step` may lack.
  static uint64_t Of(uint64_t step, uint64_t version) {
    return step > version ? step - version : 0;
  }
};

}  // namespace paracord
