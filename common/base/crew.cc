#include "common/base/crew.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>

namespace paracord {

// One call of Run. A helper may come to it when it is over: then it finds nothing to do.
struct Crew::Round {
  Round(uint32_t count, const Work& what) : items(count), work(what) {}

  // Takes items until there are none.
  void Help(int thread) {
    for (uint32_t item = next++; item < items; item = next++) {
      const absl::Status result = failed ? absl::OkStatus() : work(thread, item);
      MutexLock lock(mutex);
      if (!result.ok()) failed = true;
      status.Update(result);
      if (++done == items) ended.NotifyAll();
    }
  }

  const uint32_t items;
  const Work& work;  // there while an item is not done
  std::atomic<uint32_t> next{0};
  std::atomic<bool> failed{false};
  Mutex mutex;
  CondVar ended;
  uint32_t done ABSL_GUARDED_BY(mutex) = 0;
  absl::Status status ABSL_GUARDED_BY(mutex);
};

Crew::Crew(int threads) {
  for (int i = 1; i < threads; ++i) helpers_.emplace_back([this, i] { Help(i); });
}

Crew::~Crew() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  posted_.NotifyAll();
  for (std::thread& helper : helpers_) helper.join();
}

absl::Status Crew::Run(uint32_t items, const Work& work) {
  if (items == 0) return absl::OkStatus();
  const auto round = std::make_shared<Round>(items, work);
  const uint32_t helpers = std::min<uint32_t>(items - 1, static_cast<uint32_t>(helpers_.size()));
  for (uint32_t i = 0; i < helpers; ++i) Post([round](int thread) { round->Help(thread); });
  round->Help(0);
  MutexLock lock(round->mutex);
  while (round->done < items) round->ended.Wait(round->mutex);
  return round->status;
}

void Crew::Post(std::function<void(int thread)> task) {
  if (helpers_.empty()) return task(0);
  {
    MutexLock lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  posted_.NotifyOne();
}

void Crew::Help(int thread) {
  mutex_.Lock();
  while (true) {
    while (!stopping_ && tasks_.empty()) posted_.Wait(mutex_);
    if (tasks_.empty()) break;
    std::function<void(int)> task = std::move(tasks_.front());
    tasks_.pop_front();
    mutex_.Unlock();
    task(thread);
    task = nullptr;  // what it holds may post, too
    mutex_.Lock();
  }
  mutex_.Unlock();
}

}  // namespace paracord
