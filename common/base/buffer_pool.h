// Float buffers that go back to a pool when the last reference is dropped: every version of a block
// gets a fresh one without asking the allocator. Any thread may drop the last reference.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <vector>

#include "common/base/mutex.h"

namespace paracord {

// A published buffer is never written again: hold it as shared_ptr<const float>.
using FloatBuffer = std::shared_ptr<float>;

class BufferPool {
 public:
  BufferPool();
  ~BufferPool();  // buffers still referenced stay valid and are freed later
  // `count` floats of any content, 64-byte aligned.
  FloatBuffer Take(size_t count);

 private:
  struct Shelf;
  std::shared_ptr<Shelf> shelf_;
};

}  // namespace paracord
