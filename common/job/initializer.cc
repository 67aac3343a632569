#include "common/job/initializer.h"

#include <algorithm>

#include "common/base/philox.h"

namespace paracord {
namespace {

// FNV-1a, 64 bits (Fowler, Noll, Vo): a name's hash that is the same everywhere and for ever.
uint64_t HashName(const std::string& name) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return hash;
}

// Element i is word i % 4 of block i / 4 of the tensor's stream.
void FillUniform(uint64_t key, float bound, uint64_t offset, uint64_t count, float* out) {
  const uint64_t end = offset + count;
  for (uint64_t i = offset; i < end;) {
    const PhiloxBlock words = Philox(key, 0, i / 4);
    for (uint64_t stop = std::min(end, (i / 4 + 1) * 4); i < stop; ++i) {
      *out++ = bound * (2 * ToUnitFloat(words[i % 4]) - 1);
    }
  }
}

}  // namespace

void FirstValues(uint64_t seed, const TensorSpec& tensor, uint64_t offset, uint64_t count,
                 float* out) {
  switch (tensor.initializer.kind) {
    case InitializerSpec::Kind::kZero:
      std::fill(out, out + count, 0.0f);
      return;
    case InitializerSpec::Kind::kOne:
      std::fill(out, out + count, 1.0f);
      return;
    case InitializerSpec::Kind::kUniform:
      FillUniform(MixKey(seed, HashName(tensor.name)), tensor.initializer.bound, offset, count,
                  out);
      return;
  }
}

}  // namespace paracord
