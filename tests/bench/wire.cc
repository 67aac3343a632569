// The ceiling of tests/bench/train: the messages of its steps over the same stubs and service, in
// as many processes, with nothing computed, summed or copied.
//   bench_wire STEPS WORKERS BYTES...     BYTES: of each message of a step, in the order of pushes
// Prints {"step_seconds": wall, "core_seconds": all processes', a step}.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/rpc/remote_shard.h"
#include "server/shard_service.h"

namespace paracord {
namespace {

Payload Floats(size_t bytes) {
  const auto owner = std::make_shared<std::vector<float>>(bytes / sizeof(float), 1.0f);
  return Payload(owner->data(), owner->size(), owner);
}

// Answers the pushes of a message with as many bytes, when all workers' are there.
class AnsweringShard : public Shard {
 public:
  AnsweringShard(size_t workers, const std::vector<size_t>& sizes) : workers_(workers) {
    for (const size_t bytes : sizes) answers_.push_back(Floats(bytes));
  }
  void Push(const pb::PushHeader& header, Payload, Callback<Payload> done) override {
    std::vector<Callback<Payload>> ready;
    {
      MutexLock lock(mutex_);
      auto& waiting = waiting_[header.block_begin()];
      waiting.push_back(std::move(done));
      if (waiting.size() == workers_) ready.swap(waiting);
    }
    for (const auto& answer : ready) answer(answers_[header.block_begin()]);
  }
  void Pull(const pb::PullHeader&, Callback<Payload> done) override { done(Payload()); }
  void Query(const pb::QueryRequest&, Callback<pb::QueryReply> done) override {
    done(pb::QueryReply());
  }
  void Lease(const pb::LeaseRequest&, Callback<pb::LeaseReply> done) override {
    done(pb::LeaseReply());
  }

 private:
  const size_t workers_;
  std::vector<Payload> answers_;
  Mutex mutex_;
  std::map<uint64_t, std::vector<Callback<Payload>>> waiting_ ABSL_GUARDED_BY(mutex_);
};

double CoreSeconds(int who) {
  rusage usage;
  getrusage(who, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

int Work(const std::string& address, int steps, const std::vector<size_t>& sizes) {
  const auto server = MakeRemoteShard(address);
  std::vector<Payload> floats;
  for (const size_t bytes : sizes) floats.push_back(Floats(bytes));
  for (int step = 0; step < steps; ++step) {
    std::vector<std::future<bool>> answers;
    for (size_t i = 0; i < sizes.size(); ++i) {
      pb::PushHeader header;
      header.set_job("bench");
      header.set_step(static_cast<uint64_t>(step));
      header.set_block_begin(i);
      header.set_pull(true);
      auto promise = std::make_shared<std::promise<bool>>();
      answers.push_back(promise->get_future());
      server->Push(header, floats[i],
                   [promise](const auto& reply) { promise->set_value(reply.ok()); });
    }
    for (auto& answer : answers) {
      if (!answer.get()) return 1;
    }
  }
  return 0;
}

}  // namespace
}  // namespace paracord

int main(int argc, char** argv) {
  using namespace paracord;  // NOLINT
  if (argc < 4) {
    std::fprintf(stderr, "usage: bench_wire STEPS WORKERS BYTES...\n");
    return 2;
  }
  const int steps = std::atoi(argv[1]);
  const size_t workers = std::strtoul(argv[2], nullptr, 10);
  std::vector<size_t> sizes;
  for (int i = 3; i < argc; ++i) sizes.push_back(std::strtoul(argv[i], nullptr, 10));
  std::vector<pid_t> children;
  std::vector<int> pipes;
  for (size_t i = 0; i < workers; ++i) {  // before gRPC has threads
    int ends[2];
    if (pipe(ends) != 0) return 1;
    const pid_t child = fork();
    if (child == 0) {
      char address[64] = {};
      if (read(ends[0], address, sizeof(address) - 1) <= 0) _exit(1);
      _exit(Work(address, steps, sizes));
    }
    children.push_back(child);
    pipes.push_back(ends[1]);
  }
  AnsweringShard shard(workers, sizes);
  auto service = ShardService::Start(shard, "127.0.0.1:0", "", 1);
  if (!service.ok()) {
    std::fprintf(stderr, "%s\n", std::string(service.status().message()).c_str());
    return 1;
  }
  const std::string address = (*service)->address();
  const auto start = std::chrono::steady_clock::now();
  for (const int end : pipes) {
    if (write(end, address.data(), address.size()) < 0) return 1;
  }
  int failed = 0;
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    if (status != 0) failed = 1;
  }
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  std::printf("{\"step_seconds\": %g, \"core_seconds\": %g}\n", wall.count() / steps,
              (CoreSeconds(RUSAGE_SELF) + CoreSeconds(RUSAGE_CHILDREN)) / steps);
  return failed;
}
