#include "common/base/timer.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/manual_timer.h"

namespace paracord {
namespace {

constexpr auto kForever = std::chrono::hours(1);

TEST_CASE("a system timer runs no action before it is due") {
  SystemTimer timer;
  std::promise<TimePoint> ran;
  const TimePoint start = timer.Now();
  timer.RunAfter(milliseconds(20), [&] { ran.set_value(timer.Now()); });
  CHECK(ran.get_future().get() - start >= milliseconds(20));
}

TEST_CASE("a system timer runs what is due in the order of the times, not of the asking") {
  SystemTimer timer;
  std::promise<void> entered, leave, done;
  timer.RunAfter(-3 * kForever, [&] {
    entered.set_value();
    leave.get_future().wait();
  });
  entered.get_future().wait();  // the timer's thread is held up until all are asked for
  std::string order;            // written on the timer's thread alone, read after `done`
  timer.RunAfter(Duration::zero(), [&] {
    order += 'c';
    done.set_value();
  });
  timer.RunAfter(-2 * kForever, [&] { order += 'a'; });
  timer.RunAfter(-kForever, [&] { order += 'b'; });
  leave.set_value();
  done.get_future().wait();
  CHECK(order == "abc");
}

TEST_CASE("an action asked for later but due earlier does not wait for the one before it") {
  SystemTimer timer;
  std::promise<void> done;
  timer.RunAfter(kForever, [] {});
  timer.RunAfter(Duration::zero(), [&] { done.set_value(); });
  CHECK(done.get_future().wait_for(seconds(30)) == std::future_status::ready);
}

TEST_CASE("a cancelled action does not run, and what it holds is let go") {
  SystemTimer timer;
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = held;
  const uint64_t id = timer.RunAfter(kForever, [held = std::move(held)] {});
  CHECK(id != 0);
  CHECK(timer.Cancel(id));
  CHECK(watch.expired());
  CHECK_FALSE(timer.Cancel(id));
  CHECK_FALSE(timer.Cancel(0));
}

TEST_CASE("an action that has run cannot be cancelled, and actions may ask for further ones") {
  SystemTimer timer;
  std::promise<bool> cancelled_itself, second;
  std::promise<uint64_t> id;
  auto shared_id = id.get_future().share();
  id.set_value(timer.RunAfter(Duration::zero(), [&] {
    cancelled_itself.set_value(timer.Cancel(shared_id.get()));
    timer.RunAfter(Duration::zero(), [&] { second.set_value(true); });
  }));
  CHECK_FALSE(cancelled_itself.get_future().get());
  CHECK(second.get_future().get());
}

TEST_CASE("a system timer's destructor waits for the running action and drops the others") {
  auto timer = std::make_unique<SystemTimer>();
  std::promise<void> entered, leave;
  std::atomic<bool> finished = false, dropped_ran = false;
  timer->RunAfter(kForever, [&] { dropped_ran = true; });
  timer->RunAfter(Duration::zero(), [&] {
    entered.set_value();
    leave.get_future().wait();
    finished = true;
  });
  entered.get_future().wait();
  bool finished_before = false;
  std::thread destroyer([&] {
    timer.reset();
    finished_before = finished;
  });
  leave.set_value();
  destroyer.join();
  CHECK(finished_before);
  CHECK_FALSE(dropped_ran);
}

TEST_CASE("a manual timer stands still until it is advanced, then runs what is due in order") {
  ManualTimer timer;
  const TimePoint start = timer.Now();
  std::vector<std::pair<char, Duration>> ran;
  const auto note = [&](char name) {
    return [&, name] { ran.emplace_back(name, timer.Now() - start); };
  };
  timer.RunAfter(seconds(3), note('c'));
  timer.RunAfter(seconds(1), note('a'));
  timer.RunAfter(seconds(1), note('b'));
  timer.RunAfter(seconds(9), note('z'));
  CHECK(timer.Now() == start);
  timer.Advance(milliseconds(999));
  CHECK(ran.empty());
  timer.Advance(milliseconds(2001));
  CHECK(ran == std::vector<std::pair<char, Duration>>{
                   {'a', seconds(1)}, {'b', seconds(1)}, {'c', seconds(3)}});
  CHECK(timer.Now() == start + seconds(3));
  CHECK(timer.pending() == 1);
}

TEST_CASE("a manual timer's action that asks again is run for each time that falls due") {
  ManualTimer timer;
  int beats = 0;
  std::function<void()> beat = [&] {
    ++beats;
    timer.RunAfter(milliseconds(500), beat);
  };
  timer.RunAfter(milliseconds(500), beat);
  timer.Advance(seconds(5));
  CHECK(beats == 10);
}

TEST_CASE(
    "a manual timer's cancelled action does not run, also when an earlier action cancels it") {
  ManualTimer timer;
  bool ran = false;
  const uint64_t late = timer.RunAfter(seconds(2), [&] { ran = true; });
  bool cancelled = false;
  timer.RunAfter(seconds(1), [&] { cancelled = timer.Cancel(late); });
  timer.Advance(seconds(3));
  CHECK(cancelled);
  CHECK_FALSE(ran);
  CHECK_FALSE(timer.Cancel(late));
}

TEST_CASE("a manual timer may be asked by many threads while it is advanced: nothing is lost") {
  constexpr int kThreads = 4, kActions = 1000;
  ManualTimer timer;
  std::atomic<int> ran = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kActions; ++i) timer.RunAfter(milliseconds(i % 7), [&] { ++ran; });
    });
  }
  for (int i = 0; i < 100; ++i) timer.Advance(milliseconds(1));
  for (std::thread& thread : threads) thread.join();
  timer.Advance(milliseconds(7));
  CHECK(ran == kThreads * kActions);
  CHECK(timer.pending() == 0);
}

}  // namespace
}  // namespace paracord
