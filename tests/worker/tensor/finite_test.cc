#include "worker/tensor/finite.h"

#include <catch2/catch.hpp>
#include <limits>
#include <vector>

namespace paracord {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

TEST_CASE("one float that is no number is found, wherever it stands") {
  for (const size_t count : {1, 2, 7, 16, 33, 100}) {
    std::vector<float> values(count, -1.5f);
    CHECK(AllFinite(static_cast<int64_t>(count), values.data()));
    for (size_t at = 0; at < count; ++at) {
      for (const float bad : {kInfinity, -kInfinity, kNaN, -kNaN}) {
        values[at] = bad;
        CAPTURE(count, at, bad);
        CHECK_FALSE(AllFinite(static_cast<int64_t>(count), values.data()));
      }
      values[at] = -1.5f;
    }
  }
}

TEST_CASE("the largest, the smallest and no numbers at all are finite") {
  using Limits = std::numeric_limits<float>;
  const std::vector<float> values = {Limits::max(), Limits::lowest(),     Limits::min(),
                                     0.0f,          Limits::denorm_min(), -0.0f};
  CHECK(AllFinite(static_cast<int64_t>(values.size()), values.data()));
  CHECK(AllFinite(0, nullptr));
}

}  // namespace
}  // namespace paracord
