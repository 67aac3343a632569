#include "tests/gpu/heap.h"

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <new>

namespace paracord {
namespace {

// Memory for the list of blocks itself, which must not be on the list.
template <class T>
struct PlainMemory {
  using value_type = T;
  PlainMemory() = default;
  template <class U>
  explicit PlainMemory(const PlainMemory<U>&) {}
  T* allocate(size_t count) { return static_cast<T*>(std::malloc(count * sizeof(T))); }
  void deallocate(T* data, size_t) { std::free(data); }
  bool operator==(const PlainMemory&) const { return true; }
};

struct Heap {
  std::mutex mutex;
  std::map<char*, size_t, std::less<>, PlainMemory<std::pair<char* const, size_t>>> blocks;
};

// Never destroyed: objects die after main too.
Heap& TheHeap() {
  alignas(Heap) static char place[sizeof(Heap)];
  static Heap& heap = *new (place) Heap;
  return heap;
}

void* Take(size_t bytes) {
  void* data = std::malloc(bytes == 0 ? 1 : bytes);
  if (data == nullptr) throw std::bad_alloc();
  const std::lock_guard<std::mutex> lock(TheHeap().mutex);
  TheHeap().blocks.insert_or_assign(static_cast<char*>(data), bytes);
  return data;
}

void GiveBack(void* data) {
  if (data == nullptr) return;
  {
    const std::lock_guard<std::mutex> lock(TheHeap().mutex);
    TheHeap().blocks.erase(static_cast<char*>(data));
  }
  std::free(data);
}

}  // namespace

HeapBlock HeapBlockOf(const void* at) {
  char* place = static_cast<char*>(const_cast<void*>(at));
  {
    const std::lock_guard<std::mutex> lock(TheHeap().mutex);
    auto next = TheHeap().blocks.upper_bound(place);
    if (next != TheHeap().blocks.begin()) {
      const auto [begin, bytes] = *--next;
      if (place <= begin + bytes) return {begin, bytes};
    }
  }
  std::fprintf(stderr, "an operation is given %p, which is not in memory from operator new\n", at);
  std::abort();  // without the lock: who reports it allocates
}

}  // namespace paracord

void* operator new(size_t bytes) { return paracord::Take(bytes); }
void operator delete(void* data) noexcept { paracord::GiveBack(data); }
void operator delete(void* data, size_t) noexcept { paracord::GiveBack(data); }
