#include "worker/tensor/cuda/gpu_queue.h"

#include <algorithm>

#include "common/base/status.h"

namespace paracord {
namespace {

// Of a task's share, what CUDA takes for itself: its context and the kernels that are loaded. So
// tasks whose fractions add up to 1 fit side by side.
constexpr uint64_t kOfCuda = uint64_t{640} << 20;

}  // namespace

absl::Status CudaStatus(cudaError_t error, const std::string& what) {
  if (error == cudaSuccess) return absl::OkStatus();
  const std::string text =
      absl::StrCat(what, ": ", cudaGetErrorString(error), " (", cudaGetErrorName(error), ")");
  if (error == cudaErrorMemoryAllocation) return absl::ResourceExhaustedError(text);
  return absl::InternalError(text);
}

absl::StatusOr<std::shared_ptr<const GpuEvent>> GpuEvent::Make() {
  std::shared_ptr<GpuEvent> made(new GpuEvent);
  RETURN_IF_ERROR(
      CudaStatus(cudaEventCreateWithFlags(&made->event_, cudaEventDisableTiming), "an event"));
  return std::shared_ptr<const GpuEvent>(std::move(made));
}

absl::Status GpuEvent::Record(cudaStream_t stream) const {
  return CudaStatus(cudaEventRecord(event_, stream), "an event");
}

absl::Status GpuEvent::Await() const {
  return CudaStatus(cudaEventSynchronize(event_), "waiting for the GPU");
}

bool GpuEvent::IsDone() const {
  if (cudaEventQuery(event_) == cudaSuccess) return true;
  cudaGetLastError();  // "not ready" must not look like a launch's error
  return false;
}

absl::StatusOr<std::unique_ptr<GpuQueue>> GpuQueue::Open(const GpuShare& gpu) {
  std::unique_ptr<GpuQueue> queue(new GpuQueue);
  RETURN_IF_ERROR(Annotate(queue->Start(gpu), absl::StrCat("GPU ", gpu.index)));
  return queue;
}

absl::Status GpuQueue::Start(const GpuShare& gpu) {
  index_ = gpu.index;
  int count = 0;
  RETURN_IF_ERROR(CudaStatus(cudaGetDeviceCount(&count), "counting GPUs"));
  if (index_ < 0 || index_ >= count) {
    return absl::InvalidArgumentError(
        absl::StrCat("found ", count, " GPUs; expected a number in [0, ", count, ")"));
  }
  RETURN_IF_ERROR(CudaStatus(cudaSetDevice(index_), "opening it"));
  RETURN_IF_ERROR(CudaStatus(cudaGetDeviceProperties(&properties_, index_), "its properties"));
  RETURN_IF_ERROR(
      CudaStatus(cudaStreamCreateWithFlags(&compute_, cudaStreamNonBlocking), "a stream"));
  RETURN_IF_ERROR(
      CudaStatus(cudaStreamCreateWithFlags(&copies_, cudaStreamNonBlocking), "a stream"));
  return Reserve(gpu);
}

absl::Status GpuQueue::Reserve(const GpuShare& gpu) {
  if (!(gpu.memory_fraction > 0 && gpu.memory_fraction <= 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("found a memory fraction of ", gpu.memory_fraction, "; expected (0, 1]"));
  }
  size_t free = 0, whole = 0;
  RETURN_IF_ERROR(CudaStatus(cudaMemGetInfo(&free, &whole), "its memory"));
  const auto share = static_cast<uint64_t>(static_cast<double>(whole) * gpu.memory_fraction);
  const uint64_t bytes = (share - std::min(share, kOfCuda)) / Arena::kAlignment * Arena::kAlignment;
  if (bytes == 0 || bytes > free || cudaMalloc(&memory_, bytes) != cudaSuccess) {
    cudaGetLastError();  // said below
    return absl::ResourceExhaustedError(
        absl::StrCat("found ", free, " bytes free of its ", whole, "; expected ", bytes,
                     " above 0, the fraction ", gpu.memory_fraction,
                     " of it (gpu_memory_fraction) without the ", kOfCuda, " that CUDA takes"));
  }
  arena_ = std::make_unique<Arena>(reinterpret_cast<uint64_t>(memory_), bytes);
  return absl::OkStatus();
}

GpuQueue::~GpuQueue() {
  if (compute_ == nullptr) return;
  cudaSetDevice(index_);
  cudaStreamSynchronize(compute_);
  cudaStreamDestroy(compute_);
  if (copies_ != nullptr) {
    cudaStreamSynchronize(copies_);
    cudaStreamDestroy(copies_);
  }
  cudaFree(memory_);
}

bool GpuQueue::Ready() {
  if (failed_.load(std::memory_order_acquire)) return false;
  Keep(cudaSetDevice(index_), "choosing the GPU");
  return !failed_.load(std::memory_order_acquire);
}

void GpuQueue::Keep(const absl::Status& status) {
  if (status.ok()) return;
  MutexLock lock(mutex_);
  if (error_.ok()) error_ = status;
  failed_.store(true, std::memory_order_release);
}

absl::Status GpuQueue::TakeError() {
  MutexLock lock(mutex_);
  const absl::Status error = error_;
  error_ = absl::OkStatus();
  failed_.store(false, std::memory_order_release);
  return error;
}

void GpuQueue::Order(cudaStream_t first, cudaStream_t then) {
  if (!Ready()) return;
  cudaEvent_t event = nullptr;
  Keep(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "an event");
  if (event == nullptr) return;
  Keep(cudaEventRecord(event, first), "an event");
  Keep(cudaStreamWaitEvent(then, event, 0), "the order of two streams");
  Keep(cudaEventDestroy(event), "an event");  // goes when it has happened
}

absl::Status GpuQueue::Finish() {
  if (Ready()) {
    Keep(cudaStreamSynchronize(copies_), "copying");
    Keep(cudaStreamSynchronize(compute_), "computing");
  }
  return TakeError();
}

}  // namespace paracord
