#include "worker/crew.h"

namespace paracord {

Crew::Crew(int threads) {
  for (int i = 1; i < threads; ++i) helpers_.emplace_back([this, i] { Help(i); });
}

Crew::~Crew() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  for (std::thread& helper : helpers_) helper.join();
}

absl::Status Crew::Run(uint32_t items, const Work& work) {
  {
    MutexLock lock(mutex_);
    next_ = 0;
    status_ = absl::OkStatus();
    work_ = &work;
    items_ = items;
    busy_ = static_cast<int>(helpers_.size());
    ++run_;
  }
  changed_.NotifyAll();
  TakeItems(0, items, work);
  MutexLock lock(mutex_);
  while (busy_ > 0) changed_.Wait(mutex_);
  work_ = nullptr;
  return status_;
}

void Crew::TakeItems(int thread, uint32_t items, const Work& work) {
  for (uint32_t item = next_++; item < items; item = next_++) {
    const absl::Status status = work(thread, item);
    if (status.ok()) continue;
    next_ = items;
    MutexLock lock(mutex_);
    status_.Update(status);
  }
}

void Crew::Help(int thread) {
  uint64_t done = 0;
  mutex_.Lock();
  while (true) {
    while (!stopping_ && run_ == done) changed_.Wait(mutex_);
    if (stopping_) break;
    done = run_;
    const uint32_t items = items_;
    const Work& work = *work_;
    mutex_.Unlock();
    TakeItems(thread, items, work);
    mutex_.Lock();
    if (--busy_ == 0) changed_.NotifyAll();
  }
  mutex_.Unlock();
}

}  // namespace paracord
