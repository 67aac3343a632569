// Floats in a device's memory, owned. Made by Device::Allocate, freed on any thread.
#pragma once

#include <cstdint>
#include <memory>

namespace paracord {

class Buffer {
 public:
  using Free = void (*)(void* owner, float* data);

  Buffer() = default;
  // `owner`: whose memory it is, for `free`; outlives the buffer.
  Buffer(float* data, int64_t size, Free free, void* owner = nullptr)
      : data_(data, {free, owner}), size_(size) {}

  float* data() const { return data_.get(); }  // aligned to 64 bytes; null if default-made
  int64_t size() const { return size_; }       // floats

 private:
  struct Release {
    void operator()(float* data) const { free(owner, data); }
    Free free;
    void* owner;
  };

  std::unique_ptr<float, Release> data_{nullptr, {nullptr, nullptr}};
  int64_t size_ = 0;
};

}  // namespace paracord
