#include "common/rpc/poller.h"

#include <pthread.h>

#include <utility>

#include "common/base/handover.h"

namespace paracord {

void* Poller::Event::Tag() {
  HandOver(this);
  return this;
}

Poller::Poller(int threads) : Poller(std::make_unique<grpc::CompletionQueue>(), threads) {}

Poller::Poller(std::unique_ptr<grpc::CompletionQueue> queue, int threads)
    : queue_(std::move(queue)) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Poll(); });
}

Poller::~Poller() { Stop(); }

void Poller::Stop() {
  if (threads_.empty()) return;
  queue_->Shutdown();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Poller::Poll() {
  pthread_setname_np(pthread_self(), "poller");
  void* tag;
  bool ok;
  while (queue_->Next(&tag, &ok)) {
    TakeOver(tag);
    static_cast<Event*>(tag)->Happened(ok);
  }
}

}  // namespace paracord
