// Floats in a device's memory, owned. Made by Device::Allocate, freed on any thread.
#pragma once

#include <cstdint>
#include <memory>

namespace paracord {

class Buffer {
 public:
  using Free = void (*)(float*);

  Buffer() = default;
  Buffer(float* data, int64_t size, Free free) : data_(data, free), size_(size) {}

  float* data() const { return data_.get(); }  // aligned to 64 bytes; null if default-made
  int64_t size() const { return size_; }       // floats

 private:
  std::unique_ptr<float, Free> data_{nullptr, nullptr};
  int64_t size_ = 0;
};

}  // namespace paracord
