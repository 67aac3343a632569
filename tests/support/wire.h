// What goes wrong between processes that live in one: calls and answers are lost, doubled and
// overtaken, drawn from a seed; and a process may be cut off for good, which is how it dies here.
//
// The draws come from the seed, which call gets which of them from the threads: a seed names a
// rough course of events, and one that failed is worth running many times.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <random>
#include <utility>

#include "common/base/gate.h"
#include "common/base/status.h"
#include "common/base/timer.h"

namespace paracord {

// Shares of calls.
struct Faults {
  double lost = 0;         // never arrive; answered Unavailable
  double answer_lost = 0;  // arrive, but are answered Unavailable
  double doubled = 0;      // arrive twice
  double late = 0;         // held back, on either way, so that others overtake
  Duration longest = milliseconds(5);

  bool any() const { return lost + answer_lost + doubled + late > 0; }
};

// Carries what is late, until it is closed. `timer` must live until then. Any thread.
class Network : public std::enable_shared_from_this<Network> {
 public:
  explicit Network(Timer& timer) : timer_(timer) {}

  void Later(Duration delay, std::function<void()> action) {
    if (delay == Duration::zero()) return action();
    Gate::Pass pass(gate_);
    if (!pass) return;
    timer_.RunAfter(delay, [self = shared_from_this(), action = std::move(action)] {
      if (Gate::Pass inside(self->gate_); inside) action();
    });
  }
  // What is still on its way gets lost, without an answer.
  void Close() { gate_.Close(); }

 private:
  Timer& timer_;
  Gate gate_;
};

// One process's end of the network. Any thread.
class Wire {
 public:
  Wire(std::shared_ptr<Network> network, const Faults& faults, uint64_t seed)
      : network_(std::move(network)), faults_(faults), random_(seed) {}

  // From now on nothing of this process reaches anybody, but what is on its way already may.
  void Cut() { cut_.store(true); }
  bool cut() const { return cut_.load(); }

  // Makes `call` as its luck will have it; `done` is called once. Answer: absl::Status or StatusOr.
  template <class Answer>
  void Carry(std::function<void(std::function<void(Answer)>)> call,
             std::function<void(Answer)> done) {
    if (!faults_.any()) return call(std::move(done));
    const Luck luck = Draw();
    auto network = network_;
    auto answer = [network, luck, done = std::move(done),
                   answered = std::make_shared<std::atomic<bool>>(false)](Answer reply) {
      if (answered->exchange(true)) return;
      if (luck.lost || luck.answer_lost) reply = Answer(absl::UnavailableError("lost on the way"));
      network->Later(luck.back, [done, reply = std::move(reply)] { done(reply); });
    };
    if (luck.lost) return answer(Answer(absl::UnavailableError("")));
    network->Later(luck.there, [luck, answer, call = std::move(call)] {
      call(answer);
      if (luck.doubled) call(answer);
    });
  }

 private:
  struct Luck {
    bool lost, answer_lost, doubled;
    Duration there, back;
  };

  Luck Draw() {
    MutexLock lock(mutex_);
    const auto happens = [this](double share) ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return std::uniform_real_distribution<double>()(random_) < share;
    };
    const auto delay = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      if (!happens(faults_.late)) return Duration::zero();
      return Duration(std::uniform_int_distribution<int64_t>(1, faults_.longest.count())(random_));
    };
    Luck luck;
    luck.lost = happens(faults_.lost);
    luck.answer_lost = happens(faults_.answer_lost);
    luck.doubled = happens(faults_.doubled);
    luck.there = delay();
    luck.back = delay();
    return luck;
  }

  const std::shared_ptr<Network> network_;
  const Faults faults_;
  std::atomic<bool> cut_{false};
  Mutex mutex_;
  std::mt19937_64 random_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace paracord
