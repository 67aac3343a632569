#include "worker/tensor/cuda/staging.h"

#include <algorithm>

#include "common/base/status.h"

namespace paracord {

absl::StatusOr<std::unique_ptr<Staging>> Staging::Open(GpuQueue& queue) {
  std::unique_ptr<Staging> staging(new Staging(queue));
  MutexLock lock(staging->mutex_);
  RETURN_IF_ERROR(staging->MakePieces());
  return staging;
}

absl::Status Staging::MakePieces() {
  for (Piece& piece : pieces_) {
    ASSIGN_OR_RETURN(piece.floats, AllocateHost(kPieceFloats));
    ASSIGN_OR_RETURN(piece.done, GpuEvent::Make());
  }
  return absl::OkStatus();
}

Staging::~Staging() { cudaStreamSynchronize(queue_.copies()); }

absl::StatusOr<Buffer> Staging::AllocateHost(int64_t floats) {
  constexpr int64_t kMostFloats = int64_t{1} << 60;
  if (floats < 0 || floats >= kMostFloats) {
    return absl::ResourceExhaustedError(
        absl::StrCat("this host has no memory for ", floats, " floats"));
  }
  void* data = nullptr;
  const auto bytes = static_cast<size_t>(std::max<int64_t>(1, floats)) * sizeof(float);
  RETURN_IF_ERROR(CudaStatus(cudaMallocHost(&data, bytes),
                             absl::StrCat("memory of the host for ", floats, " floats")));
  return Buffer(static_cast<float*>(data), floats,
                [](void*, float* memory) { cudaFreeHost(memory); });
}

absl::Status Staging::CopyIn(const float* host, int64_t floats, float* to) {
  MutexLock lock(mutex_);
  for (int64_t at = 0, i = 0; at < floats; at += kPieceFloats, ++i) {
    const int64_t count = std::min(kPieceFloats, floats - at);
    const size_t bytes = static_cast<size_t>(count) * sizeof(float);
    const Piece& piece = pieces_[static_cast<size_t>(i % kPieces)];
    RETURN_IF_ERROR(piece.done->Await());
    std::copy_n(host + at, count, piece.floats.data());
    RETURN_IF_ERROR(CudaStatus(cudaMemcpyAsync(to + at, piece.floats.data(), bytes,
                                               cudaMemcpyHostToDevice, queue_.copies()),
                               "copying in"));
    RETURN_IF_ERROR(piece.done->Record(queue_.copies()));
  }
  return absl::OkStatus();
}

absl::Status Staging::CopyOut(const float* from, int64_t floats, float* host) {
  MutexLock lock(mutex_);
  const int64_t pieces = (floats + kPieceFloats - 1) / kPieceFloats;
  // Piece i is asked for kPieces before it is taken.
  for (int64_t i = 0; i < pieces + kPieces - 1; ++i) {
    const int64_t take = i - (kPieces - 1);
    if (i < pieces) {
      const Piece& piece = pieces_[static_cast<size_t>(i % kPieces)];
      const int64_t count = std::min(kPieceFloats, floats - i * kPieceFloats);
      RETURN_IF_ERROR(piece.done->Await());
      RETURN_IF_ERROR(CudaStatus(cudaMemcpyAsync(piece.floats.data(), from + i * kPieceFloats,
                                                 static_cast<size_t>(count) * sizeof(float),
                                                 cudaMemcpyDeviceToHost, queue_.copies()),
                                 "copying out"));
      RETURN_IF_ERROR(piece.done->Record(queue_.copies()));
    }
    if (take < 0 || take >= pieces) continue;
    const Piece& piece = pieces_[static_cast<size_t>(take % kPieces)];
    RETURN_IF_ERROR(piece.done->Await());
    std::copy_n(piece.floats.data(), std::min(kPieceFloats, floats - take * kPieceFloats),
                host + take * kPieceFloats);
  }
  return absl::OkStatus();
}

absl::StatusOr<CopyTicket> Staging::Begin(const float* from, int64_t floats, float* to,
                                          cudaMemcpyKind kind) {
  ASSIGN_OR_RETURN(std::shared_ptr<const GpuEvent> done, GpuEvent::Make());
  MutexLock lock(begun_mutex_);
  while (!begun_.empty() && begun_.front().done->IsDone()) begun_.pop_front();
  RETURN_IF_ERROR(CudaStatus(
      cudaMemcpyAsync(to, from, static_cast<size_t>(floats) * sizeof(float), kind, queue_.copies()),
      "copying"));
  RETURN_IF_ERROR(done->Record(queue_.copies()));
  begun_.push_back({++last_ticket_, std::move(done)});
  return last_ticket_;
}

absl::Status Staging::Await(CopyTicket ticket) {
  std::shared_ptr<const GpuEvent> done;
  {
    MutexLock lock(begun_mutex_);
    for (const Begun& begun : begun_) {
      if (begun.ticket == ticket) done = begun.done;
    }
  }
  return done == nullptr ? absl::OkStatus() : done->Await();
}

}  // namespace paracord
