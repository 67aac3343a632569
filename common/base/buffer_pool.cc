#include "common/base/buffer_pool.h"

#include <new>

namespace paracord {
namespace {

constexpr std::align_val_t kAlignment{64};

float* Allocate(size_t count) {
  return static_cast<float*>(::operator new(count * sizeof(float), kAlignment));
}
void Free(float* buffer) { ::operator delete(buffer, kAlignment); }

}  // namespace

// What lies unused, by size. At most as much as was in use at once.
struct BufferPool::Shelf {
  Mutex mutex;
  std::map<size_t, std::vector<float*>> unused ABSL_GUARDED_BY(mutex);
  bool closed ABSL_GUARDED_BY(mutex) = false;

  float* Take(size_t count) {
    {
      MutexLock lock(mutex);
      std::vector<float*>& fitting = unused[count];
      if (!fitting.empty()) {
        float* buffer = fitting.back();
        fitting.pop_back();
        return buffer;
      }
    }
    return Allocate(count);
  }
  void GiveBack(float* buffer, size_t count) {
    {
      MutexLock lock(mutex);
      if (!closed) {
        unused[count].push_back(buffer);
        return;
      }
    }
    Free(buffer);
  }
  void Close() {
    MutexLock lock(mutex);
    closed = true;
    for (auto& [count, buffers] : unused) {
      for (float* buffer : buffers) Free(buffer);
    }
    unused.clear();
  }
};

BufferPool::BufferPool() : shelf_(std::make_shared<Shelf>()) {}
BufferPool::~BufferPool() { shelf_->Close(); }

FloatBuffer BufferPool::Take(size_t count) {
  return FloatBuffer(shelf_->Take(count),
                     [shelf = shelf_, count](float* buffer) { shelf->GiveBack(buffer, count); });
}

}  // namespace paracord
