#include "scheduler/cli/duration.h"

#include <catch2/catch.hpp>

namespace paracord {
namespace {

TEST_CASE("durations are read with their unit, and bare numbers are seconds") {
  CHECK(*ParseDuration("60s") == seconds(60));
  CHECK(*ParseDuration("500ms") == milliseconds(500));
  CHECK(*ParseDuration("1.5h") == std::chrono::minutes(90));
  CHECK(*ParseDuration("2m") == std::chrono::minutes(2));
  CHECK(*ParseDuration("7") == seconds(7));
  CHECK(*ParseDuration("0.25") == milliseconds(250));
  CHECK(*ParseDuration("0") == seconds(0));
}

TEST_CASE("what is no duration is refused and named") {
  for (const char* text : {"", "soon", "-3s", "10 parsecs", "s", "nan", "1e99h", "inf"}) {
    INFO(text);
    const auto parsed = ParseDuration(text);
    REQUIRE_FALSE(parsed.ok());
    CHECK(absl::IsInvalidArgument(parsed.status()));
  }
}

TEST_CASE("no limit is a deadline that does not come, and does not overflow") {
  CHECK(DeadlineAfter(Duration(-1)) > Clock::now() + std::chrono::hours(24 * 365));
  CHECK(DeadlineAfter(Duration::max()) > Clock::now() + std::chrono::hours(24 * 365));
  const TimePoint at_once = DeadlineAfter(Duration(0));
  CHECK(at_once <= Clock::now());
}

TEST_CASE("durations are told in the two largest units") {
  CHECK(DurationText(0) == "0 s");
  CHECK(DurationText(59.4) == "59 s");
  CHECK(DurationText(200) == "3 min 20 s");
  CHECK(DurationText(7500) == "2 h 5 min");
}

}  // namespace
}  // namespace paracord
