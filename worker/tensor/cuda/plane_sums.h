// Sums over runs of memory of one length: planes of images, groups of planes. Many threads
// a run where it is long, several runs a block where it is short; the order follows from the length
// alone.
#pragma once

#include <cstdint>

#include "worker/tensor/cuda/block.h"
#include "worker/tensor/cuda/column_sums.h"

namespace paracord {

using Pair64 = Pair<double>;

// Element: Pair64 operator()(run, place in memory). Finish: operator()(run, sum).
template <class Element, class Finish>
struct PlaneSumBody {
  static constexpr int kThreads = 256;
  int64_t runs, points;
  int threads;  // of a run: a power of two
  Element element;
  Finish finish;

  PARACORD_HD int64_t SharedBytes() const { return SharedSize<Pair64>(kThreads); }

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    Pair64* parts = block.template Shared<Pair64>(kThreads);
    const int64_t first = block.x() * (kThreads / threads);
    block.Each([&](int thread) {
      const int64_t run = first + thread / threads;
      Pair64 sum = {0, 0};
      for (int64_t i = run < runs ? thread % threads : points; i < points; i += threads) {
        sum = sum + element(run, run * points + i);
      }
      parts[thread] = sum;
    });
    for (int half = threads / 2; half > 0; half /= 2) {
      block.Each([&](int thread) {
        if (thread % threads < half) parts[thread] = parts[thread] + parts[thread + half];
      });
    }
    block.Each([&](int thread) {
      const int64_t run = first + thread / threads;
      if (thread % threads == 0 && run < runs) finish(run, parts[thread]);
    });
  }
};

// Calls finish(run, sum of element over its `points` places) for each of the runs.
template <class Launcher, class Element, class Finish>
void SumPlanes(const Launcher& launcher, int64_t runs, int64_t points, Element element,
               Finish finish) {
  using Body = PlaneSumBody<Element, Finish>;
  int threads = 1;
  while (threads < Body::kThreads && threads * 4 < points) threads *= 2;
  const int64_t at_once = Body::kThreads / threads;
  launcher.Launch((runs + at_once - 1) / at_once, Body{runs, points, threads, element, finish});
}

struct ToRun {
  Pair64* to;
  PARACORD_HD void operator()(int64_t run, const Pair64& sum) const { to[run] = sum; }
};

// An Element of SumColumns: sums of planes [rows, columns] that are there.
struct PlaneElement {
  const Pair64* sums;
  int64_t columns;
  PARACORD_HD Pair64 operator()(int64_t row, int64_t column) const {
    return sums[row * columns + column];
  }
};

}  // namespace paracord
