// Counter-based random numbers: a pure function of (key, counter), the same on every machine and in
// any order. First values and dropout masks are drawn from it, so nobody has a generator's state to
// save.
//
// Source: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011, section 3.3
// (Philox4x32-10).
#pragma once

#include <array>
#include <cstdint>

#include "common/base/host_device.h"

namespace paracord {

using PhiloxBlock = std::array<uint32_t, 4>;

// Four words for one counter. `key` separates streams, (`high`, `low`) counts within one.
PARACORD_HD inline PhiloxBlock Philox(uint64_t key, uint64_t high, uint64_t low) {
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  PhiloxBlock c = {static_cast<uint32_t>(low), static_cast<uint32_t>(low >> 32),
                   static_cast<uint32_t>(high), static_cast<uint32_t>(high >> 32)};
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = 0xD2511F53ull * c[0];
    const uint64_t p1 = 0xCD9E8D57ull * c[2];
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<uint32_t>(p0)};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c;
}

// [0, 1), one of 2^24 values, exact in float32.
PARACORD_HD inline float ToUnitFloat(uint32_t word) {
  return static_cast<float>(word >> 8) * 0x1p-24f;
}

// One 64-bit word out of several: a key for a stream of its own.
PARACORD_HD inline uint64_t MixKey(uint64_t a, uint64_t b) {
  const PhiloxBlock block = Philox(a, b, 0x7061726163726f64ull);
  return (static_cast<uint64_t>(block[1]) << 32) | block[0];
}

}  // namespace paracord
