#include "server/lanes.h"

#include <catch2/catch.hpp>
#include <future>
#include <memory>
#include <optional>

namespace paracord {
namespace {

constexpr Duration kSoon = milliseconds(20), kLong = seconds(60);

TEST_CASE("the work of a lane runs in the order posted, and no lane waits for another") {
  std::promise<void> go;
  std::vector<int> order;
  Lanes lanes;
  lanes.Post("a", [held = go.get_future().share()] { held.wait(); });
  for (int i = 0; i < 100; ++i) lanes.Post("a", [&order, i] { order.push_back(i); });
  std::promise<void> other;
  lanes.Post("b", [&other] { other.set_value(); });
  CHECK(other.get_future().wait_for(kLong) == std::future_status::ready);
  CHECK_FALSE(lanes.Settle(kSoon));
  go.set_value();
  REQUIRE(lanes.Settle(kLong));
  REQUIRE(order.size() == 100);
  for (int i = 0; i < 100; ++i) CHECK(order[static_cast<size_t>(i)] == i);
}

TEST_CASE("a close waits no longer than it may: what runs is left, what has not begun is dropped") {
  std::promise<void> go;
  const auto kept = std::make_shared<int>(0);
  std::promise<void> began;
  std::optional<Lanes> lanes(std::in_place);
  lanes->Post("a", [&began, held = go.get_future().share()] {
    began.set_value();
    held.wait();
  });
  lanes->Post("a", [kept] { ++*kept; });
  began.get_future().wait();
  CHECK_FALSE(lanes->Close(kSoon));
  CHECK(kept.use_count() == 1);
  lanes->Post("b", [kept] { ++*kept; });
  go.set_value();
  CHECK(lanes->Close(kLong));
  lanes.reset();
  CHECK(*kept == 0);
}

TEST_CASE("a close waits for what is nearly done") {
  int done = 0;
  Lanes lanes;
  for (int i = 0; i < 10; ++i) lanes.Post("a", [&done] { ++done; });
  CHECK(lanes.Close(kLong));
  CHECK(done == 10);
}

}  // namespace
}  // namespace paracord
