// When a job's steps finish, as a shard of it says when it is asked every millisecond.
//   bench_step_watch JOB ADDRESS...     of its servers, in shard order
// The first that answers is asked. A line a change: milliseconds since 1970, history, version. Ends
// by a signal.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/rpc/remote_shard.h"

namespace paracord {
namespace {

using namespace std::chrono_literals;

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

absl::StatusOr<pb::QueryReply> Ask(Shard& server, const std::string& job, uint32_t shard) {
  pb::QueryRequest request;
  request.set_job(job);
  request.set_shard(shard);
  auto answered = std::make_shared<std::promise<absl::StatusOr<pb::QueryReply>>>();
  auto answer = answered->get_future();
  server.Query(request, [answered](const auto& reply) { answered->set_value(reply); });
  return answer.get();
}

[[noreturn]] void Watch(const std::string& job, const std::vector<std::string>& addresses) {
  std::vector<std::unique_ptr<Shard>> servers;
  for (const std::string& address : addresses) servers.push_back(MakeRemoteShard(address));
  uint64_t history = 0, version = 0;
  while (true) {
    for (uint32_t i = 0; i < servers.size(); ++i) {
      const auto reply = Ask(*servers[i], job, i);
      if (!reply.ok()) continue;
      if (reply->history() != history || reply->version() != version) {
        history = reply->history();
        version = reply->version();
        std::printf("%ld %lu %lu\n", NowMs(), history, version);
        std::fflush(stdout);
      }
      break;
    }
    std::this_thread::sleep_for(1ms);
  }
}

}  // namespace
}  // namespace paracord

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: bench_step_watch JOB ADDRESS...\n");
    return 2;
  }
  paracord::Watch(argv[1], {argv + 2, argv + argc});
}
