// One thread for what touches this host's disk, so that strands never wait for it. Work runs in the
// order posted. What may wait for other hosts is for Lanes.
#pragma once

#include <deque>
#include <functional>
#include <thread>

#include "common/base/mutex.h"

namespace paracord {

class StorageThread {
 public:
  StorageThread();
  ~StorageThread();  // closes it

  // After Close nothing is run any more.
  void Post(std::function<void()> work);
  // Returns when everything that was posted has run.
  void Close();

 private:
  void Run();

  Mutex mutex_;
  CondVar changed_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace paracord
