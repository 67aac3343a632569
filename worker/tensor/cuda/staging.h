// Memory of the host that a GPU reads and writes by itself, and copies through it: those of plain
// memory go piece by piece, so that the host moves one piece while the GPU moves another. [door:
// CUDA]
#pragma once

#include <cuda_runtime_api.h>

#include <array>
#include <cstdint>
#include <deque>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "worker/tensor/cuda/gpu_queue.h"
#include "worker/tensor/device.h"

namespace paracord {

class Staging {
 public:
  static absl::StatusOr<std::unique_ptr<Staging>> Open(GpuQueue& queue);
  ~Staging();

  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  static absl::StatusOr<Buffer> AllocateHost(int64_t floats);

  // On the copy stream, which runs after and before what the caller has said; `host` is free when
  // they return.
  absl::Status CopyIn(const float* host, int64_t floats, float* to);
  absl::Status CopyOut(const float* from, int64_t floats, float* host);

  // Of memory from AllocateHost, at once.
  absl::StatusOr<CopyTicket> Begin(const float* from, int64_t floats, float* to,
                                   cudaMemcpyKind kind);
  absl::Status Await(CopyTicket ticket);

 private:
  static constexpr int64_t kPieceFloats = int64_t{1} << 20;
  static constexpr int kPieces = 4;

  struct Piece {
    Buffer floats;
    std::shared_ptr<const GpuEvent> done;  // of its last copy
  };
  struct Begun {
    CopyTicket ticket;
    std::shared_ptr<const GpuEvent> done;
  };

  explicit Staging(GpuQueue& queue) : queue_(queue) {}
  absl::Status MakePieces() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  GpuQueue& queue_;
  Mutex mutex_;  // one copy through the pieces at a time
  std::array<Piece, kPieces> pieces_ ABSL_GUARDED_BY(mutex_);
  Mutex begun_mutex_;
  CopyTicket last_ticket_ ABSL_GUARDED_BY(begun_mutex_) = 0;
  std::deque<Begun> begun_ ABSL_GUARDED_BY(begun_mutex_);  // those not known to be done
};

}  // namespace paracord
