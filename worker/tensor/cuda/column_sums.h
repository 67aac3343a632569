// Sums of the columns of a matrix, in an order that its shape alone gives: rows are cut into
// segments, a block adds 32 columns of one, eight rows at a time, and then the segments' sums the
// same way.
#pragma once

#include <algorithm>
#include <cstdint>

#include "worker/tensor/cuda/block.h"

namespace paracord {

// Two sums at once.
template <class T>
struct Pair {
  T a, b;
  PARACORD_HD friend Pair operator+(const Pair& x, const Pair& y) { return {x.a + y.a, x.b + y.b}; }
};

// What changes no value that is added to it, -0 neither.
template <class T>
struct Nothing {
  PARACORD_HD static T Value() { return static_cast<T>(-0.0f); }
};
template <class T>
struct Nothing<Pair<T>> {
  PARACORD_HD static Pair<T> Value() { return {Nothing<T>::Value(), Nothing<T>::Value()}; }
};

// How rows are cut: enough blocks for a large GPU, each with rows enough.
struct Segments {
  Segments(int64_t rows, int64_t columns)
      : tiles((columns + kWarp - 1) / kWarp),
        length(std::max(kLeastRows, (rows + Most() - 1) / Most())),
        count((rows + length - 1) / length) {}
  // All rows in one.
  static Segments Whole(int64_t rows, int64_t columns) {
    Segments one(0, columns);
    one.length = rows;
    one.count = 1;
    return one;
  }

  int64_t tiles;   // of 32 columns
  int64_t length;  // rows of a segment
  int64_t count;

 private:
  static constexpr int64_t kLeastRows = 32;
  int64_t Most() const { return std::clamp<int64_t>(1024 / tiles, 1, 128); }
};

// Element: T operator()(row, column). Finish: operator()(column, sum).
template <class T, class Element, class Finish>
struct ColumnTileBody {
  static constexpr int kThreads = 256;
  static constexpr int kRowsAtOnce = kThreads / kWarp;
  int64_t rows, columns;
  Segments segments;
  Element element;
  Finish finish;
  T* partial;  // [segments, columns]; not written if there is one

  PARACORD_HD int64_t SharedBytes() const { return SharedSize<T>(kThreads); }

  template <class Block>
  PARACORD_HD void operator()(Block& block) const {
    T* parts = block.template Shared<T>(kThreads);
    const int64_t segment = block.x() / segments.tiles;
    const int64_t first_column = block.x() % segments.tiles * kWarp;
    const int64_t first = segment * segments.length;
    const int64_t end = first + segments.length < rows ? first + segments.length : rows;
    block.Each([&](int thread) {
      const int64_t column = first_column + thread % kWarp;
      T sum = Nothing<T>::Value();
      if (column < columns) {
        for (int64_t r = first + thread / kWarp; r < end; r += kRowsAtOnce) {
          sum = sum + element(r, column);
        }
      }
      parts[thread] = sum;
    });
    block.Each([&](int thread) {
      const int64_t column = first_column + thread;
      if (thread >= kWarp || column >= columns) return;
      T sum = parts[thread];
      for (int i = 1; i < kRowsAtOnce; ++i) sum = sum + parts[thread + i * kWarp];
      if (segments.count == 1) {
        finish(column, sum);
      } else {
        partial[segment * columns + column] = sum;
      }
    });
  }
};

// The sums of segments, to be added in turn.
template <class T>
struct PartialElement {
  const T* partial;
  int64_t columns;
  PARACORD_HD T operator()(int64_t segment, int64_t column) const {
    return partial[segment * columns + column];
  }
};

// Finishes.
struct ToPlace {
  float* to;
  PARACORD_HD void operator()(int64_t column, float sum) const { to[column] = sum; }
};

struct ToPlaces {
  float *a, *b;  // b may be null
  PARACORD_HD void operator()(int64_t column, const Pair<float>& sum) const {
    a[column] = sum.a;
    if (b != nullptr) b[column] = sum.b;
  }
};

// Calls finish(column, sum of element(row, column) over the rows) for each column; rows > 0.
template <class T, class Launcher, class Element, class Finish>
void SumColumns(const Launcher& launcher, int64_t rows, int64_t columns, Element element,
                Finish finish) {
  using Partial = PartialElement<T>;
  const Segments segments(rows, columns);
  auto partial = launcher.template Scratch<T>(segments.count > 1 ? segments.count * columns : 0);
  launcher.Launch(
      segments.count * segments.tiles,
      ColumnTileBody<T, Element, Finish>{rows, columns, segments, element, finish, partial.data()});
  if (segments.count == 1) return;
  launcher.Launch(segments.tiles,
                  ColumnTileBody<T, Partial, Finish>{
                      segments.count, columns, Segments::Whole(segments.count, columns),
                      Partial{partial.data(), columns}, finish, nullptr});
}

}  // namespace paracord
