#include "worker/task_process.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "common/base/child_process.h"

namespace paracord {
namespace {

int Run(const std::string& more) {
  std::vector<std::string> words = {"paracord-worker", "--task",        "job=j-1",
                                    "rank=0",          "incarnation=1", "threads=1"};
  size_t begin = 0;
  while (begin < more.size()) {
    const size_t end = std::min(more.find(' ', begin), more.size());
    words.push_back(more.substr(begin, end - begin));
    begin = end + 1;
  }
  return RunTaskProcess(static_cast<int>(words.size()), ArgumentPointers(words).data());
}

TEST_CASE("a task's command line that names no scheduler or no good GPU is refused") {
  const std::string scheduler = "scheduler=127.0.0.1:1";
  for (const std::string& bad :
       {std::string(), scheduler + " threads=0", scheduler + " rank=x", scheduler + " noise",
        scheduler + " gpu=-1 gpu_memory_fraction=0.5", scheduler + " gpu=x gpu_memory_fraction=0.5",
        scheduler + " gpu=0", scheduler + " gpu=0 gpu_memory_fraction=0",
        scheduler + " gpu=0 gpu_memory_fraction=1.5",
        scheduler + " gpu=0 gpu_memory_fraction=nan"}) {
    INFO(bad);
    CHECK(Run(bad) == 2);
  }
}

}  // namespace
}  // namespace paracord
