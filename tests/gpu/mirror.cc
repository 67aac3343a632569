#include "tests/gpu/mirror.h"

#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "common/base/status.h"
#include "tests/gpu/heap.h"

namespace paracord {
namespace {

constexpr int64_t kGuard = 64;                // floats
constexpr uint32_t kGuardBits = 0x7FC0'6A2D;  // a NaN: what it is mixed with shows

void Demand(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "the device: %s\n", Describe(status).c_str());
  std::abort();
}

int64_t FloatsAfter64(const void* at) {
  return static_cast<int64_t>(reinterpret_cast<uintptr_t>(at) % 64 / sizeof(float));
}

uint32_t Bits(float value) { return std::bit_cast<uint32_t>(value); }

}  // namespace

void Mirror::Add(const float* at, bool written) {
  if (at == nullptr) return;
  const HeapBlock block = HeapBlockOf(at);
  Copied& copied = blocks_[block.begin];
  copied.bytes = block.bytes;
  copied.written = copied.written || written;
}

void Mirror::Up() {
  for (auto& [begin, copied] : blocks_) {
    copied.shift = kGuard + FloatsAfter64(begin);
    const auto floats = static_cast<int64_t>(copied.bytes / sizeof(float));
    copied.image.assign(static_cast<size_t>(copied.shift + floats + kGuard),
                        std::bit_cast<float>(kGuardBits));
    std::memcpy(copied.image.data() + copied.shift, begin, copied.bytes / sizeof(float) * 4);
    const auto whole = static_cast<int64_t>(copied.image.size());
    absl::StatusOr<Buffer> buffer = device_.Allocate(whole);
    Demand(buffer.status());
    copied.buffer = std::move(*buffer);
    Demand(device_.CopyIn(copied.image.data(), whole, copied.buffer.data()));
  }
}

float* Mirror::Place(const float* at) const {
  if (at == nullptr) return nullptr;
  const HeapBlock block = HeapBlockOf(at);
  const Copied& copied = blocks_.at(block.begin);
  return copied.buffer.data() + copied.shift + (at - reinterpret_cast<const float*>(block.begin));
}

void Mirror::Down() {
  Demand(device_.Finish());
  for (auto& [begin, copied] : blocks_) {
    std::vector<float> now(copied.image.size());
    const auto whole = static_cast<int64_t>(now.size());
    Demand(device_.CopyOut(copied.buffer.data(), whole, now.data()));
    for (int64_t i = 0; i < whole; ++i) {
      const bool guard = i < copied.shift || i >= whole - kGuard;
      if ((copied.written && !guard) ||
          Bits(now[static_cast<size_t>(i)]) == Bits(copied.image[static_cast<size_t>(i)]))
        continue;
      std::fprintf(stderr, "an operation has written float %lld of memory of %lld%s\n",
                   static_cast<long long>(i - copied.shift),
                   static_cast<long long>(whole - copied.shift - kGuard),
                   guard ? "" : " that it may only read");
      std::abort();
    }
    copied.image = std::move(now);
  }
}

void Mirror::Give() const {
  for (const auto& [begin, copied] : blocks_) {
    if (!copied.written) continue;
    std::memcpy(begin, copied.image.data() + copied.shift, copied.bytes / sizeof(float) * 4);
  }
}

bool Mirror::SameAs(const Mirror& other) const {
  for (const auto& [begin, copied] : blocks_) {
    const std::vector<float>& theirs = other.blocks_.at(begin).image;
    for (size_t i = 0; i < theirs.size(); ++i) {
      if (std::isnan(theirs[i]) ? !std::isnan(copied.image[i])
                                : Bits(theirs[i]) != Bits(copied.image[i])) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace paracord
