// The gradient of an embedding's table: rows of dy are added, in order, to those that ids name. The
// places are sorted by id first, stably and without atomics on floats, so the work is that of the
// places alone, whatever the vocabulary.
//
// The sort goes digit by digit (8 bits), the lowest first: each block counts the digits of its 256
// places, the counts become places to go to, and each block moves what it has there in order.
#pragma once

#include <cstdint>
#include <utility>

#include "worker/tensor/cuda/block.h"

namespace paracord {

inline constexpr int kDigits = 256;

// A place of ids and its id.
struct IdPlace {
  uint32_t id, place;
};

struct StartBody {
  static constexpr int kThreads = 256;
  int64_t count;
  const float* ids;
  IdPlace* to;

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    block.Each([&](int thread) {
      const int64_t i = block.x() * kThreads + thread;
      if (i < count) to[i] = {static_cast<uint32_t>(ids[i]), static_cast<uint32_t>(i)};
    });
  }
};

// counts [kDigits, blocks]: how many of a block's places have a digit. Thread t counts digit t.
struct DigitCountBody {
  static constexpr int kThreads = kDigits;
  int64_t count, blocks;
  int shift;
  const IdPlace* from;
  uint32_t* counts;

  PARACORD_HD int64_t SharedBytes() const { return SharedSize<uint32_t>(kThreads); }

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    uint32_t* digits = block.template Shared<uint32_t>(kThreads);
    block.Each([&](int thread) {
      const int64_t i = block.x() * kThreads + thread;
      digits[thread] = i < count ? from[i].id >> shift & 0xFFu : kDigits;
    });
    block.Each([&](int thread) {
      uint32_t found = 0;
      for (int i = 0; i < kThreads; ++i) {
        found += digits[i] == static_cast<uint32_t>(thread) ? 1 : 0;
      }
      counts[thread * blocks + block.x()] = found;
    });
  }
};

// Each of `count` numbers becomes the sum of those before it. One block: a thread has a run.
struct SumBeforeBody {
  static constexpr int kThreads = 256;
  int64_t count;
  uint32_t* values;

  PARACORD_HD int64_t SharedBytes() const { return SharedSize<uint32_t>(kThreads); }

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    uint32_t* totals = block.template Shared<uint32_t>(kThreads);
    const int64_t run = (count + kThreads - 1) / kThreads;
    const auto end = [&](int thread) {
      return (thread + 1) * run < count ? (thread + 1) * run : count;
    };
    block.Each([&](int thread) {
      uint32_t total = 0;
      for (int64_t i = thread * run; i < end(thread); ++i) total += values[i];
      totals[thread] = total;
    });
    block.Each([&](int thread) {
      uint32_t before = 0;
      for (int i = 0; i < thread; ++i) before += totals[i];
      for (int64_t i = thread * run; i < end(thread); ++i) {
        const uint32_t value = values[i];
        values[i] = before;
        before += value;
      }
    });
  }
};

struct DigitMoveBody {
  static constexpr int kThreads = kDigits;
  int64_t count, blocks;
  int shift;
  const IdPlace* from;
  const uint32_t* firsts;  // [kDigits, blocks]
  IdPlace* to;

  PARACORD_HD int64_t SharedBytes() const { return SharedSize<uint32_t>(kThreads); }

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    uint32_t* digits = block.template Shared<uint32_t>(kThreads);
    const int64_t first = block.x() * kThreads;
    block.Each([&](int thread) {
      digits[thread] = first + thread < count ? from[first + thread].id >> shift & 0xFFu : kDigits;
    });
    block.Each([&](int thread) {
      if (first + thread >= count) return;
      uint32_t place = firsts[digits[thread] * blocks + block.x()];
      for (int i = 0; i < thread; ++i) place += digits[i] == digits[thread] ? 1 : 0;
      to[place] = from[first + thread];
    });
  }
};

// A block for each sorted place, which works if an id begins there: it adds all of this id.
struct AddRowsBody {
  static constexpr int kThreads = 128;
  int64_t count, width;
  const IdPlace* sorted;
  const float* dy;
  float* dtable;

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    const int64_t first = block.x();
    const uint32_t id = sorted[first].id;
    if (first > 0 && sorted[first - 1].id == id) return;
    int64_t end = count;  // after the last of this id: found by halves
    for (int64_t low = first + 1; low < end;) {
      const int64_t middle = low + (end - low) / 2;
      if (sorted[middle].id == id) {
        low = middle + 1;
      } else {
        end = middle;
      }
    }
    block.Each([&](int thread) {
      for (int64_t column = thread; column < width; column += kThreads) {
        float sum = 0;
        for (int64_t i = first; i < end; ++i) {
          sum += dy[sorted[i].place * width + column];
        }
        dtable[id * width + column] = sum;
      }
    });
  }
};

// dtable's rows that are named are overwritten; count > 0.
template <class Launcher>
void AddToTable(const Launcher& launcher, int64_t count, int64_t vocabulary, int64_t width,
                const float* ids, const float* dy, float* dtable) {
  const int64_t blocks = (count + kDigits - 1) / kDigits;
  auto a = launcher.template Scratch<IdPlace>(count);
  auto b = launcher.template Scratch<IdPlace>(count);
  auto counts = launcher.template Scratch<uint32_t>(kDigits * blocks);
  IdPlace *from = a.data(), *to = b.data();
  launcher.Launch(blocks, StartBody{count, ids, from});
  for (int shift = 0; (vocabulary - 1) >> shift > 0; shift += 8) {
    launcher.Launch(blocks, DigitCountBody{count, blocks, shift, from, counts.data()});
    launcher.Launch(1, SumBeforeBody{kDigits * blocks, counts.data()});
    launcher.Launch(blocks, DigitMoveBody{count, blocks, shift, from, counts.data(), to});
    std::swap(from, to);
  }
  launcher.Launch(count, AddRowsBody{count, width, from, dy, dtable});
}

}  // namespace paracord
