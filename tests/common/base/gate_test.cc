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

TEST_CASE("nobody is inside once Close has returned, however many callbacks come") {
  std::atomic<int> late = 0;
  for (int round = 0; round < 50; ++round) {
    auto gate = std::make_shared<Gate>();
    std::atomic<bool> closed = false;
    std::promise<void> start;
    const std::shared_future<void> started = start.get_future().share();
    std::vector<std::thread> callers;
    for (int t = 0; t < 3; ++t) {
      callers.emplace_back([&, gate, started] {
        started.wait();
        for (int i = 0; i < 200; ++i) {
          if (const Gate::Pass pass(*gate); pass) late += closed;
        }
      });
    }
    start.set_value();
    gate->Close();
    closed = true;
    for (std::thread& caller : callers) caller.join();
  }
  CHECK(late == 0);
}

}  // namespace
}  // namespace paracord
