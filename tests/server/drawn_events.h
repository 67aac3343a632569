// What may happen next in a simulation: events in no order but that of the seed.
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <utility>
#include <vector>

namespace paracord {

class DrawnEvents {
 public:
  explicit DrawnEvents(uint64_t seed) : random_(seed) {}

  // [0, below)
  uint64_t Draw(uint64_t below) { return random_() % below; }
  void Add(std::function<void()> event) { events_.push_back(std::move(event)); }
  std::mt19937_64& random() { return random_; }  // for std::shuffle
  bool empty() const { return events_.empty(); }
  // Runs one of them.
  void RunOne() {
    std::swap(events_[Draw(events_.size())], events_.back());
    const std::function<void()> event = std::move(events_.back());
    events_.pop_back();
    event();
  }

 private:
  std::mt19937_64 random_;
  std::vector<std::function<void()>> events_;
};

}  // namespace paracord
