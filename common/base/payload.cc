#include "common/base/payload.h"

#include <algorithm>
#include <cstring>

#include "common/base/status.h"

namespace paracord {

Payload::Payload(const float* data, size_t count, std::shared_ptr<const void> owner) {
  Append(reinterpret_cast<const char*>(data), count * sizeof(float), std::move(owner));
}

void Payload::Append(const char* data, size_t size, std::shared_ptr<const void> owner) {
  if (size == 0) return;
  runs_.push_back({data, size, std::move(owner)});
  size_ += size;
}

void Payload::Append(const Payload& other) {
  runs_.insert(runs_.end(), other.runs_.begin(), other.runs_.end());
  size_ += other.size_;
}

Payload Payload::Cutter::Next(size_t bytes) {
  Payload out;
  while (bytes > 0) {
    PARACORD_CHECK(run_ < payload_.runs_.size());
    const Run& run = payload_.runs_[run_];
    const size_t take = std::min(bytes, run.size - offset_);
    out.Append(run.data + offset_, take, run.owner);
    bytes -= take, offset_ += take;
    if (offset_ == run.size) ++run_, offset_ = 0;
  }
  return out;
}

const float* Payload::Reader::Next(size_t count, float* scratch) {
  size_t bytes = count * sizeof(float);
  if (bytes == 0) return scratch;
  const std::vector<Run>& runs = payload_.runs_;
  PARACORD_CHECK(run_ < runs.size());
  const char* here = runs[run_].data + offset_;
  const bool aligned = reinterpret_cast<uintptr_t>(here) % alignof(float) == 0;
  if (aligned && runs[run_].size - offset_ >= bytes) {
    offset_ += bytes;
    if (offset_ == runs[run_].size) ++run_, offset_ = 0;
    return reinterpret_cast<const float*>(here);
  }
  char* to = reinterpret_cast<char*>(scratch);
  while (bytes > 0) {
    PARACORD_CHECK(run_ < runs.size());
    const size_t take = std::min(bytes, runs[run_].size - offset_);
    std::memcpy(to, runs[run_].data + offset_, take);
    to += take, bytes -= take, offset_ += take;
    if (offset_ == runs[run_].size) ++run_, offset_ = 0;
  }
  return scratch;
}

void Payload::CopyTo(float* out) const {
  char* to = reinterpret_cast<char*>(out);
  for (const Run& run : runs_) {
    std::memcpy(to, run.data, run.size);
    to += run.size;
  }
}

}  // namespace paracord
