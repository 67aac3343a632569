#include "common/base/philox.h"

#include <catch2/catch.hpp>
#include <set>

namespace paracord {
namespace {

TEST_CASE("philox gives the published known answers of Random123") {
  // philox4x32-10 in Random123's kat_vectors: counter words c0..c3, key words k0 k1.
  CHECK(Philox(0, 0, 0) == PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(Philox(~0ull, ~0ull, ~0ull) == PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(Philox(0x299f31d0a4093822ull, 0x0370734413198a2eull, 0x85a308d3243f6a88ull) ==
        PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a unit float is exact, at least 0 and below 1") {
  CHECK(ToUnitFloat(0) == 0.0f);
  CHECK(ToUnitFloat(0x80000000u) == 0.5f);
  CHECK(ToUnitFloat(0xffffffffu) == 1.0f - 0x1p-24f);
  CHECK(ToUnitFloat(0xffu) == 0.0f);
  CHECK(ToUnitFloat(0x100u) == 0x1p-24f);
}

TEST_CASE("mixed keys differ in both arguments and in their order") {
  std::set<uint64_t> seen;
  for (uint64_t a = 0; a < 64; ++a) {
    for (uint64_t b = 0; b < 64; ++b) seen.insert(MixKey(a, b));
  }
  CHECK(seen.size() == 64 * 64);
}

}  // namespace
}  // namespace paracord
