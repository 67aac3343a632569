// One thread for everything that touches the disk, so that strands never wait for it. Work runs in
// the order posted.
#pragma once

#include <deque>
#include <functional>
#include <thread>

#include "common/base/mutex.h"

namespace paracord {

class StorageThread {
 public:
  StorageThread();
  ~StorageThread();  // after everything posted has run

  void Post(std::function<void()> work);

 private:
  void Run();

  Mutex mutex_;
  CondVar changed_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace paracord
