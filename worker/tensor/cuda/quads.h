// Four floats at a time: one access of 16 bytes where memory is aligned, a tail where a row ends.
// What is computed does not depend on which of them it is.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "common/base/host_device.h"

namespace paracord {

struct Quad {
  float v[4];
};

inline bool AllAligned(std::initializer_list<const float*> pointers) {
  for (const float* pointer : pointers) {
    if (reinterpret_cast<uintptr_t>(pointer) % sizeof(Quad) != 0) return false;
  }
  return true;
}

// The first `count` <= 4 are loaded; `whole`: aligned, and all four. Of CUDA's own type, or the
// compiler does not always see one access of 16 bytes.
PARACORD_HD inline Quad LoadQuad(const float* at, int64_t count, bool whole) {
  Quad quad = {};
  if (whole) {
#ifdef __CUDA_ARCH__
    const float4 four = *reinterpret_cast<const float4*>(at);
    quad = {{four.x, four.y, four.z, four.w}};
#else
    for (int j = 0; j < 4; ++j) quad.v[j] = at[j];
#endif
    return quad;
  }
  for (int j = 0; j < 4; ++j) {
    if (j < count) quad.v[j] = at[j];
  }
  return quad;
}

PARACORD_HD inline void StoreQuad(const Quad& quad, int64_t count, bool whole, float* at) {
#ifdef __CUDA_ARCH__
  if (whole) {
    __stwb(reinterpret_cast<float4*>(at), make_float4(quad.v[0], quad.v[1], quad.v[2], quad.v[3]));
    return;
  }
#endif
  for (int j = 0; j < 4; ++j) {
    if (j < count) at[j] = quad.v[j];
  }
}

// Division of places below `limit`: in 32 bits where that is enough, as GPUs have it fast.
class Divisor {
 public:
  Divisor(int64_t value, int64_t limit)
      : value_(value), narrow_(limit <= int64_t{1} << 32 && value < int64_t{1} << 32) {}
  PARACORD_HD int64_t Quotient(int64_t place) const {
    return narrow_ ? static_cast<uint32_t>(place) / static_cast<uint32_t>(value_) : place / value_;
  }
  PARACORD_HD int64_t Rest(int64_t place) const { return place - Quotient(place) * value_; }
  PARACORD_HD int64_t value() const { return value_; }

 private:
  int64_t value_;
  bool narrow_;
};

// A matrix [rows, columns] cut into quads, one a thread.
class RowQuads {
 public:
  static constexpr int kThreads = 256;

  // `aligned`: the pointers are, and the distances of rows.
  RowQuads(int64_t rows, int64_t columns, bool aligned)
      : columns_(columns),
        quads_(rows * ((columns + 3) / 4)),
        row_((columns + 3) / 4, quads_ + kThreads),
        aligned_(aligned) {}

  int64_t Blocks() const { return (quads_ + kThreads - 1) / kThreads; }

  // f(row, column, count, whole), see LoadQuad.
  template <class Block, class F>
  PARACORD_HD void Each(Block& block, F f) const {
    block.Each([&](int thread) {
      const int64_t place = block.x() * kThreads + thread;
      if (place >= quads_) return;
      const int64_t row = place < row_.value() ? 0 : row_.Quotient(place);
      const int64_t column = (place - row * row_.value()) * 4;
      const int64_t count = columns_ - column < 4 ? columns_ - column : 4;
      f(row, column, count, aligned_ && count == 4);
    });
  }

 private:
  int64_t columns_, quads_;
  Divisor row_;
  bool aligned_;
};

}  // namespace paracord
