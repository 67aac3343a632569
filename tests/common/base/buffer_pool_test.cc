#include "common/base/buffer_pool.h"

#include <catch2/catch.hpp>
#include <cstdint>
#include <memory>
#include <set>
#include <thread>
#include <vector>

namespace paracord {
namespace {

TEST_CASE("a buffer that was given back is the next one of its size, and of no other") {
  BufferPool pool;
  const float* first = pool.Take(100).get();
  const FloatBuffer other = pool.Take(101);
  CHECK(other.get() != first);
  const FloatBuffer again = pool.Take(100);
  CHECK(again.get() == first);
  CHECK(pool.Take(100).get() != first);
}

TEST_CASE("a buffer comes back when its last reference goes, not before") {
  BufferPool pool;
  FloatBuffer buffer = pool.Take(8);
  std::shared_ptr<const float> reader = buffer;
  const float* address = buffer.get();
  buffer = nullptr;
  CHECK(pool.Take(8).get() != address);
  reader = nullptr;
  std::set<const float*> next = {pool.Take(8).get()};
  std::vector<FloatBuffer> held = {pool.Take(8), pool.Take(8)};
  for (const FloatBuffer& b : held) next.insert(b.get());
  CHECK(next.count(address) == 1);
}

TEST_CASE("buffers are aligned to 64 bytes, of any size") {
  BufferPool pool;
  std::vector<FloatBuffer> held;
  bool aligned = true;
  for (size_t count = 1; count < 200; ++count) {
    held.push_back(pool.Take(count));
    aligned = aligned && reinterpret_cast<uintptr_t>(held.back().get()) % 64 == 0;
  }
  CHECK(aligned);
}

TEST_CASE("a buffer that outlives its pool stays valid") {
  FloatBuffer kept;
  {
    BufferPool pool;
    kept = pool.Take(1000);
    const FloatBuffer goes_back_first = pool.Take(1000);
  }
  kept.get()[999] = 3;
  CHECK(kept.get()[999] == 3);
}

TEST_CASE("no two threads ever hold the same buffer") {
  BufferPool pool;
  std::vector<std::thread> threads;
  std::vector<int> spoiled(4, 0);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5000; ++i) {
        const FloatBuffer buffer = pool.Take(16);
        for (int k = 0; k < 16; ++k) buffer.get()[k] = static_cast<float>(t);
        for (int k = 0; k < 16; ++k) spoiled[t] += buffer.get()[k] != static_cast<float>(t);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(spoiled == std::vector<int>(4, 0));
}

}  // namespace
}  // namespace paracord
