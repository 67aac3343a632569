#include "worker/plan_box.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <future>
#include <vector>

namespace paracord {
namespace {

pb::Assignment Numbered(uint64_t number) {
  pb::Assignment assignment;
  assignment.mutable_plan()->set_number(number);
  return assignment;
}

uint64_t NumberOf(const std::optional<pb::Assignment>& assignment) {
  return assignment ? assignment->plan().number() : 0;
}

TEST_CASE("the newest plan is handed out; one that is not newer changes nothing") {
  PlanBox box;
  CHECK_FALSE(box.HasNewer(0));
  box.Put(Numbered(3));
  box.Put(Numbered(7));
  box.Put(Numbered(5));
  box.Put(Numbered(7));
  CHECK(NumberOf(box.WaitNewer(0)) == 7);
  CHECK(NumberOf(box.WaitNewer(6)) == 7);
  CHECK(box.HasNewer(6));
  CHECK_FALSE(box.HasNewer(7));
}

TEST_CASE("who waits for a newer plan gets the next one") {
  PlanBox box;
  box.Put(Numbered(7));
  auto waiting = std::async(std::launch::async, [&] { return NumberOf(box.WaitNewer(7)); });
  box.Put(Numbered(6));
  CHECK(waiting.wait_for(std::chrono::milliseconds(20)) == std::future_status::timeout);
  box.Put(Numbered(8));
  CHECK(waiting.get() == 8);
}

TEST_CASE("after a stop nobody gets a plan, and whoever waits is let go") {
  PlanBox box;
  auto waiting = std::async(std::launch::async, [&] { return NumberOf(box.WaitNewer(7)); });
  box.Put(Numbered(7));
  box.Stop();
  CHECK(waiting.get() == 0);
  box.Put(Numbered(8));
  CHECK(NumberOf(box.WaitNewer(7)) == 0);
}

TEST_CASE("the listener hears of each newer plan once, and of none after it was taken out") {
  PlanBox box;
  std::vector<int> heard;
  box.SetListener([&] { heard.push_back(1); });
  box.Put(Numbered(2));
  box.Put(Numbered(2));
  box.Put(Numbered(1));
  CHECK(heard.size() == 1);
  box.Put(Numbered(4));
  CHECK(heard.size() == 2);
  box.SetListener(nullptr);
  box.Put(Numbered(5));
  CHECK(heard.size() == 2);
}

}  // namespace
}  // namespace paracord
