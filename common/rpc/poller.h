// The completion queue of a process and the threads that wait on it. All calls of the data path, in
// and out, should share one: with epoll gRPC lets any waiting thread take any socket's bytes, so a
// second queue means that one thread reads a message and wakes another to handle it. For the same
// reason nothing in such a process uses gRPC's callbacks, which bring threads of their own. [door:
// gRPC]
#pragma once

#include <grpcpp/completion_queue.h>

#include <memory>
#include <thread>
#include <vector>

namespace paracord {

class Poller {
 public:
  // What the queue hands back.
  class Event {
   public:
    virtual ~Event() = default;
    // For an operation that is about to start.
    void* Tag();
    // Once for each operation started with it, on a polling thread: must not block. May delete it.
    virtual void Happened(bool ok) = 0;
  };

  explicit Poller(int threads = 1);
  // On a server's queue. Stop it after the server has been shut down.
  Poller(std::unique_ptr<grpc::CompletionQueue> queue, int threads);
  ~Poller();  // stops

  grpc::CompletionQueue* queue() { return queue_.get(); }

  // Starts no more; returns when everything that was started has happened. Not on its own threads.
  void Stop();

 private:
  void Poll();

  const std::unique_ptr<grpc::CompletionQueue> queue_;
  std::vector<std::thread> threads_;
};

}  // namespace paracord
