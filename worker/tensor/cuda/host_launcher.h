// Runs the bodies of kernels on the calling thread, one block after another: what the tests of
// block operations launch with. What a launcher offers is drawn here; CUDA's offers the same.
//
//   Launch(blocks, body)      runs body for each block, after all that was launched before; 0
//                             blocks: nothing
//   Scratch<T>(count)         memory on the device for one operation, not set; goes back when it
//                             dies, after what was launched until then
//   ReadBack(from, n, host)   n values to the host, when all that was launched is done
//   product()                 matrix products
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "worker/tensor/cuda/block.h"
#include "worker/tensor/cuda/host_product.h"

namespace paracord {

class HostLauncher {
 public:
  template <class T>
  class Held {
   public:
    explicit Held(int64_t count) : values_(static_cast<size_t>(count)) {
      // Not zeros: what is read before it is written shows.
      for (T& value : values_) std::memset(static_cast<void*>(&value), 0xFF, sizeof(T));
    }
    T* data() { return values_.data(); }

   private:
    std::vector<T> values_;
  };

  explicit HostLauncher(HostOrder order = HostOrder::kForward) : order_(order) {}

  template <class Body>
  void Launch(int64_t blocks, const Body& body) const {
    const int64_t shared = SharedBytesOf(body);
    for (int64_t i = 0; i < blocks; ++i) {
      HostBlock<Body::kThreads> block(PlaceInOrder(order_, i, blocks), shared, order_);
      body(block);
    }
  }

  template <class T>
  Held<T> Scratch(int64_t count) const {
    return Held<T>(count);
  }

  template <class T>
  void ReadBack(const T* from, int64_t count, T* host) const {
    std::memcpy(host, from, static_cast<size_t>(count) * sizeof(T));
  }

  const MatrixProduct& product() const { return product_; }

 private:
  HostOrder order_;
  HostProduct product_;
};

}  // namespace paracord
