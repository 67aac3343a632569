// One number out of many, for the host: blocks reduce runs of places, one block what these give,
// both in an order that the number of places alone gives.
#pragma once

#include <algorithm>
#include <cstdint>

#include "worker/tensor/cuda/block.h"

namespace paracord {

struct Smaller {
  template <class T>
  PARACORD_HD T operator()(const T& a, const T& b) const {
    return b < a ? b : a;
  }
};

// Element: a T, or what becomes one, of a place. to[block] gets the places [block * run, (block +
// 1) * run).
template <class T, class Element, class Combine>
struct ReduceBody {
  static constexpr int kThreads = 256;
  int64_t count, run;
  T start;  // changes nothing that it is combined with
  Element element;
  Combine combine;
  T* to;

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    const int64_t first = block.x() * run, end = first + run < count ? first + run : count;
    const T value = block.Reduce(
        [&](int thread) {
          T part = start;
          for (int64_t i = first + thread; i < end; i += kThreads) {
            part = combine(part, static_cast<T>(element(i)));
          }
          return part;
        },
        combine);
    block.Each([&](int thread) {
      if (thread == 0) to[block.x()] = value;
    });
  }
};

template <class T>
struct Stored {
  const T* values;
  PARACORD_HD T operator()(int64_t i) const { return values[i]; }
};

// element(0), ..., element(count - 1) combined, or `start`, on the host.
template <class T, class Launcher, class Element, class Combine>
T ReduceAll(const Launcher& launcher, int64_t count, T start, Element element, Combine combine) {
  constexpr int64_t kRun = 4096, kMostBlocks = 1024;
  if (count == 0) return start;
  const int64_t run = std::max(kRun, (count + kMostBlocks - 1) / kMostBlocks);
  const int64_t blocks = (count + run - 1) / run;
  auto parts = launcher.template Scratch<T>(blocks + 1);
  T *whole = parts.data() + (blocks > 1 ? blocks : 0), value = start;
  launcher.Launch(
      blocks, ReduceBody<T, Element, Combine>{count, run, start, element, combine, parts.data()});
  if (blocks > 1) {
    launcher.Launch(1, ReduceBody<T, Stored<T>, Combine>{blocks, blocks, start,
                                                         Stored<T>{parts.data()}, combine, whole});
  }
  launcher.ReadBack(whole, 1, &value);
  return value;
}

template <class Launcher, class Element>
double SumAll(const Launcher& launcher, int64_t count, Element element) {
  return ReduceAll<double>(launcher, count, 0.0, element, Plus());
}

}  // namespace paracord
