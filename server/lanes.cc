#include "server/lanes.h"

#include <thread>
#include <utility>

namespace paracord {

Lanes::~Lanes() {
  while (!Close(seconds(1))) continue;
}

void Lanes::Post(const std::string& lane, std::function<void()> work) {
  MutexLock lock(state_->mutex);
  if (state_->closed) return;
  const auto [queue, idle] = state_->queues.try_emplace(lane);
  queue->second.push_back(std::move(work));
  if (idle) std::thread(Run, state_, lane).detach();
}

bool Lanes::State::Settle(TimePoint until) {
  while (!queues.empty()) {
    if (!changed.WaitUntil(mutex, until)) return queues.empty();
  }
  return true;
}

bool Lanes::Settle(Duration patience) {
  MutexLock lock(state_->mutex);
  return state_->Settle(Clock::now() + patience);
}

bool Lanes::Close(Duration patience) {
  std::deque<std::function<void()>> dropped;  // destroyed outside the lock
  MutexLock lock(state_->mutex);
  state_->closed = true;
  if (state_->Settle(Clock::now() + patience)) return true;
  for (auto& [lane, queue] : state_->queues) {
    for (std::function<void()>& work : std::exchange(queue, {})) dropped.push_back(std::move(work));
  }
  return false;
}

void Lanes::Run(const std::shared_ptr<State>& state, const std::string& lane) {
  while (true) {
    std::function<void()> work;
    {
      MutexLock lock(state->mutex);
      auto& queue = state->queues[lane];
      if (queue.empty()) {
        state->queues.erase(lane);
        return state->changed.NotifyAll();
      }
      work = std::move(queue.front());
      queue.pop_front();
    }
    work();
  }
}

}  // namespace paracord
