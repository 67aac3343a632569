#include "common/base/crew.h"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <memory>
#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace paracord {
namespace {

// Every item of a run, and who was at it.
struct Ledger {
  explicit Ledger(uint32_t items, int threads) : times(items), inside(threads) {}

  absl::Status Work(int thread, uint32_t item) {
    if (thread < 0 || thread >= static_cast<int>(inside.size()) || item >= times.size()) {
      ++out_of_range;
      return absl::OkStatus();
    }
    if (inside[thread].fetch_add(1) != 0) ++overlaps;
    ++times[item];
    inside[thread].fetch_sub(1);
    return absl::OkStatus();
  }
  bool EachOnce() const {
    for (const std::atomic<int>& count : times) {
      if (count != 1) return false;
    }
    return true;
  }

  std::vector<std::atomic<int>> times;
  std::vector<std::atomic<int>> inside;
  std::atomic<int> overlaps = 0, out_of_range = 0;
};

TEST_CASE(
    "every item runs exactly once, and no thread is at two at a time, however many there are") {
  for (const int threads : {1, 2, 3, 8}) {
    Crew crew(threads);
    CHECK(crew.threads() == threads);
    for (const uint32_t items : {1u, 2u, 7u, 8u, 1000u}) {
      for (int round = 0; round < 20; ++round) {
        INFO(threads << " threads, " << items << " items, round " << round);
        Ledger ledger(items, threads);
        REQUIRE(crew.Run(items, [&](int t, uint32_t i) { return ledger.Work(t, i); }).ok());
        CHECK(ledger.EachOnce());
        CHECK(ledger.overlaps == 0);
        CHECK(ledger.out_of_range == 0);
      }
    }
  }
}

TEST_CASE("a run of no items is OK and calls nobody") {
  for (const int threads : {1, 4}) {
    Crew crew(threads);
    int calls = 0;
    const auto work = [&](int, uint32_t) {
      ++calls;
      return absl::InternalError("called");
    };
    CHECK(crew.Run(0, work).ok());
    CHECK(calls == 0);
  }
}

TEST_CASE("alone, a thread takes items in order and stops at the first error") {
  Crew crew(1);
  std::vector<uint32_t> ran;
  const absl::Status status = crew.Run(10, [&](int, uint32_t item) {
    ran.push_back(item);
    return item == 3 ? absl::DataLossError("torn") : absl::OkStatus();
  });
  CHECK(status == absl::DataLossError("torn"));
  CHECK(ran == std::vector<uint32_t>{0, 1, 2, 3});
}

TEST_CASE(
    "after an error of one thread no other begins a new item, and the first error is returned") {
  std::promise<void> caller_began, helper_began, helper_left;
  std::atomic<int> began = 0;
  Crew crew(2);
  const absl::Status status = crew.Run(100, [&](int thread, uint32_t) -> absl::Status {
    ++began;
    if (thread == 1) {
      helper_began.set_value();
      caller_began.get_future().wait();
      return absl::DataLossError("first");
    }
    caller_began.set_value();
    helper_began.get_future().wait();
    // The helper comes to this when it has left the run: with its error, and no items taken after.
    crew.Post([&](int) { helper_left.set_value(); });
    helper_left.get_future().wait();
    return absl::InternalError("second");
  });
  CHECK(status == absl::DataLossError("first"));
  CHECK(began == 2);
}

TEST_CASE("a run that failed leaves nothing behind for the next") {
  Crew crew(3);
  for (int round = 0; round < 200; ++round) {
    const auto fail = [](int, uint32_t item) {
      return item % 5 == 4 ? absl::AbortedError("5") : absl::OkStatus();
    };
    REQUIRE(absl::IsAborted(crew.Run(20, fail)));
    Ledger ledger(20, 3);
    REQUIRE(crew.Run(20, [&](int t, uint32_t i) { return ledger.Work(t, i); }).ok());
    REQUIRE(ledger.EachOnce());
  }
}

TEST_CASE("several threads may run at once: each gets all of its own items and its own error") {
  constexpr int kCallers = 4, kThreads = 3;
  constexpr uint32_t kItems = 50;
  Crew crew(kThreads);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&, caller] {
      for (int round = 0; round < 100; ++round) {
        Ledger ledger(kItems, kThreads);
        const absl::Status status = crew.Run(kItems, [&](int thread, uint32_t item) {
          ledger.Work(thread, item).IgnoreError();
          const bool last = item + 1 == kItems;
          return caller == 0 && last ? absl::AbortedError("the last") : absl::OkStatus();
        });
        const bool as_expected = caller == 0 ? absl::IsAborted(status) : status.ok();
        const bool in_order = ledger.EachOnce() && ledger.overlaps + ledger.out_of_range == 0;
        if (!as_expected || !in_order) ++wrong;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(wrong == 0);
}

TEST_CASE("a run does not wait for helpers that are busy elsewhere") {
  std::promise<void> entered, leave;
  Crew crew(2);
  crew.Post([&](int) {
    entered.set_value();
    leave.get_future().wait();
  });
  entered.get_future().wait();
  std::set<int> threads;
  const absl::Status status = crew.Run(10, [&](int thread, uint32_t) {
    threads.insert(thread);
    return absl::OkStatus();
  });
  leave.set_value();
  CHECK(status.ok());
  CHECK(threads == std::set<int>{0});
}

TEST_CASE("an item may run items of its own") {
  Crew crew(3);
  std::atomic<int> inner = 0;
  const absl::Status status = crew.Run(10, [&](int, uint32_t) {
    return crew.Run(10, [&](int, uint32_t) {
      ++inner;
      return absl::OkStatus();
    });
  });
  CHECK(status.ok());
  CHECK(inner == 100);
}

TEST_CASE("a posted task runs on a helper, with that helper's number") {
  Crew crew(3);
  for (int round = 0; round < 100; ++round) {
    const auto ran = std::make_shared<std::promise<std::pair<int, std::thread::id>>>();
    crew.Post([ran](int thread) { ran->set_value({thread, std::this_thread::get_id()}); });
    const auto [thread, id] = ran->get_future().get();
    CHECK((thread == 1 || thread == 2));
    CHECK(id != std::this_thread::get_id());
  }
}

TEST_CASE("without helpers a posted task runs here and now") {
  Crew crew(1);
  int thread = -1;
  std::thread::id id;
  crew.Post([&](int t) {
    thread = t;
    id = std::this_thread::get_id();
  });
  CHECK(thread == 0);
  CHECK(id == std::this_thread::get_id());
}

TEST_CASE("one helper runs what is posted in its order") {
  std::vector<int> order;
  {
    Crew crew(2);
    for (int i = 0; i < 100; ++i) {
      crew.Post([&order, i](int) { order.push_back(i); });
    }
  }
  REQUIRE(order.size() == 100);
  CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("a crew's destructor runs what was posted, also what that posts") {
  for (const int threads : {2, 4}) {
    std::atomic<int> ran = 0;
    std::promise<void> leave;
    const std::shared_future<void> left = leave.get_future().share();
    auto crew = std::make_unique<Crew>(threads);
    for (int i = 1; i < threads; ++i) crew->Post([left](int) { left.wait(); });
    for (int i = 0; i < 50; ++i) {
      crew->Post([&ran, posted = crew.get()](int) {
        ++ran;
        posted->Post([&ran](int) { ++ran; });
      });
    }
    CHECK(ran == 0);
    leave.set_value();
    crew.reset();
    CHECK(ran == 100);
  }
}

}  // namespace
}  // namespace paracord
