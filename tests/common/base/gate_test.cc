#include "common/base/gate.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <memory>
#include <thread>
#include <vector>

namespace paracord {
namespace {

TEST_CASE("who comes before Close gets in, who comes after does not") {
  Gate gate;
  {
    const Gate::Pass first(gate), second(gate);
    CHECK(first);
    CHECK(second);
  }
  gate.Close();
  CHECK_FALSE(Gate::Pass(gate));
  gate.Close();  // once more changes nothing
  CHECK_FALSE(Gate::Pass(gate));
}

TEST_CASE("Close waits for those who are inside") {
  Gate gate;
  std::promise<void> entered, leave;
  std::atomic<bool> left = false;
  std::thread insider([&] {
    const Gate::Pass pass(gate);
    entered.set_value();
    leave.get_future().wait();
    left = true;
  });
  entered.get_future().wait();
  std::promise<bool> closed;
  std::thread closer([&] {
    gate.Close();
    closed.set_value(left);
  });
  leave.set_value();
  CHECK(closed.get_future().get());
  insider.join();
  closer.join();
}

TEST_CASE("an object behind a gate is not touched once it is gone, however many callbacks come") {
  struct Owner {
    std::shared_ptr<Gate> gate = std::make_shared<Gate>();
    std::atomic<bool> alive = true;
    ~Owner() {
      gate->Close();
      alive = false;
    }
  };
  std::atomic<int> touched_dead = 0;
  for (int round = 0; round < 50; ++round) {
    auto owner = std::make_unique<Owner>();
    auto alive = std::make_shared<std::atomic<bool>>(true);
    std::vector<std::thread> callers;
    std::promise<void> start;
    std::shared_future<void> started = start.get_future().share();
    for (int t = 0; t < 3; ++t) {
      callers.emplace_back([&, gate = owner->gate, alive, started] {
        started.wait();
        for (int i = 0; i < 200; ++i) {
          if (Gate::Pass pass(*gate); pass) touched_dead += !*alive;
        }
      });
    }
    start.set_value();
    owner->gate->Close();
    *alive = false;
    owner.reset();
    for (std::thread& caller : callers) caller.join();
  }
  CHECK(touched_dead == 0);
}

}  // namespace
}  // namespace paracord
