#include "common/base/periodic.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <memory>
#include <thread>

#include "tests/support/manual_timer.h"

namespace paracord {
namespace {

TEST_CASE("an action runs once an interval, the first time after one") {
  ManualTimer timer;
  int runs = 0;
  const Periodic periodic(timer, seconds(1), [&] { ++runs; });
  timer.Advance(milliseconds(999));
  CHECK(runs == 0);
  timer.Advance(milliseconds(1));
  CHECK(runs == 1);
  timer.Advance(seconds(10));
  CHECK(runs == 11);
}

TEST_CASE("the interval is counted from the end of the last run") {
  ManualTimer timer;
  int runs = 0;
  std::unique_ptr<Periodic> periodic;
  periodic = std::make_unique<Periodic>(timer, seconds(1), [&] { ++runs; });
  timer.Advance(seconds(1));
  CHECK(timer.pending() == 1);  // asked for again after the action returned
  CHECK(runs == 1);
}

TEST_CASE("after the destructor the action does not run, and nothing is left with the timer") {
  ManualTimer timer;
  int runs = 0;
  {
    const Periodic periodic(timer, seconds(1), [&] { ++runs; });
  }
  CHECK(timer.pending() == 0);
  timer.Advance(seconds(5));
  CHECK(runs == 0);
}

TEST_CASE("the destructor waits for an action that is running") {
  SystemTimer timer;
  std::promise<void> entered, leave;
  std::atomic<bool> first = true, finished = false;
  auto periodic = std::make_unique<Periodic>(timer, milliseconds(1), [&] {
    if (!first.exchange(false)) return;
    entered.set_value();
    leave.get_future().wait();
    finished = true;
  });
  entered.get_future().wait();
  std::thread release([&] { leave.set_value(); });
  periodic.reset();
  CHECK(finished);
  release.join();
}

}  // namespace
}  // namespace paracord
