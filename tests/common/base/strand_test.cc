#include "common/base/strand.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace paracord {
namespace {

TEST_CASE("eight threads post: each one's tasks run in its order, all of them, never two at once") {
  constexpr int kThreads = 8, kTasks = 5000;
  std::vector<std::pair<int, int>> ran;  // no mutex: the strand is its protection
  std::atomic<int> inside = 0, overlaps = 0;
  {
    Strand strand;
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kTasks; ++i) {
          strand.Post([&, t, i] {
            if (inside.fetch_add(1) != 0) ++overlaps;
            ran.emplace_back(t, i);
            inside.fetch_sub(1);
          });
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  CHECK(overlaps == 0);
  REQUIRE(ran.size() == kThreads * kTasks);
  std::vector<int> next(kThreads, 0);
  bool in_order = true;
  for (const auto& [t, i] : ran) in_order = in_order && next[t]++ == i;
  CHECK(in_order);
}

TEST_CASE("a task posted to an idle strand runs on the posting thread, before Post returns") {
  Strand strand;
  std::thread::id ran_on;
  strand.Post([&] { ran_on = std::this_thread::get_id(); });
  CHECK(ran_on == std::this_thread::get_id());
}

TEST_CASE("a task that posts to its own strand runs that after itself, not inside itself") {
  Strand strand;
  std::vector<int> order;
  strand.Post([&] {
    strand.Post([&] {
      order.push_back(3);
      strand.Post([&] { order.push_back(5); });
      order.push_back(4);
    });
    order.push_back(1);
    order.push_back(2);
  });
  CHECK(order == std::vector<int>{1, 2, 3, 4, 5});
}

TEST_CASE("a post to a busy strand returns at once; the busy thread runs the task") {
  Strand strand;
  std::promise<void> entered, leave;
  std::thread::id ran_on;
  std::thread busy([&] {
    strand.Post([&] {
      entered.set_value();
      leave.get_future().wait();
    });
  });
  const std::thread::id busy_id = busy.get_id();
  entered.get_future().wait();
  strand.Post([&] { ran_on = std::this_thread::get_id(); });
  leave.set_value();
  busy.join();
  CHECK(ran_on == busy_id);
}

TEST_CASE("what a task holds dies before the next task runs") {
  Strand strand;
  bool gone = false;
  strand.Post([&] {
    auto held = std::make_shared<int>(1);
    std::weak_ptr<int> watch = held;
    strand.Post([held = std::move(held)] {});
    strand.Post([&, watch] { gone = watch.expired(); });
  });
  CHECK(gone);
}

TEST_CASE("a strand's destructor waits for every posted task") {
  std::atomic<bool> finished = false;
  std::promise<void> entered, leave;
  auto strand = std::make_unique<Strand>();
  std::thread busy([&, posted = strand.get()] {
    posted->Post([&] {
      entered.set_value();
      leave.get_future().wait();
      finished = true;
    });
  });
  entered.get_future().wait();
  bool finished_before = false;
  std::thread destroyer([&] {
    strand.reset();
    finished_before = finished;
  });
  leave.set_value();
  destroyer.join();
  busy.join();
  CHECK(finished_before);
}

}  // namespace
}  // namespace paracord
