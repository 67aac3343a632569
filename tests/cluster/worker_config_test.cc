#include <algorithm>
#include <catch2/catch.hpp>

#include "common/base/config.h"
#include "common/base/daemon.h"
#include "worker/worker.h"

namespace paracord {
namespace {

struct Parsed {
  explicit Parsed(const std::string& text) : reader(text) {
    options = Worker::ParseOptions(reader.root());
    printed = Worker::PrintOptions(options);
  }
  ConfigReader reader;
  Worker::Options options;
  std::string printed;
};

TEST_CASE("the worker's manual names every key, and says nothing but the defaults") {
  const Parsed manual(ReadFile(PARACORD_SOURCE_DIR "/configs/worker.yaml").value());
  CHECK(manual.reader.errors().empty());
  Worker::Options defaults;
  defaults.threads = manual.options.threads;  // this host's: 0 stands for its cores
  CHECK(manual.printed == Worker::PrintOptions(defaults));
  CHECK(manual.printed == Parsed("").printed);
  const ConfigReader effective(manual.printed);
  CHECK(manual.reader.root().Keys() == effective.root().Keys());
}

TEST_CASE(
    "a worker left to itself divides its cores among its slots, with a thread each at least") {
  const int cores = Parsed("").options.threads;
  CHECK(cores >= 1);
  CHECK(Parsed("slots: 2").options.threads == std::max(1, cores / 2));
  CHECK(Parsed("slots: 1024").options.threads == std::max(1, cores / 1024));
  CHECK(Parsed("{slots: 2, threads: 5}").options.threads == 5);
  CHECK(Parsed("slots: 0").options.threads == cores);  // of a GPU's tasks
}

TEST_CASE("what a worker prints as its configuration means the same when it is read again") {
  const Parsed given(
      "{name: w7, scheduler: 'host-a:7300', bind: '127.0.0.1:0', advertise: host-b, slots: 3,"
      " threads: 2, log_level: warning, gpus: [3, 0], gpu_memory_fraction: 0.45}");
  CHECK(given.reader.errors().empty());
  CHECK(given.options.slots == 3);
  CHECK(given.options.gpus.indices == std::vector<int>{0, 3});
  CHECK(given.options.gpu_memory_fraction == 0.45);
  CHECK(given.options.directory == "paracord-w7");
  const Parsed again(given.printed);
  CHECK(again.reader.errors().empty());
  CHECK(again.printed == given.printed);
}

TEST_CASE("every mistake in a worker's configuration is reported at once, with its line") {
  const Parsed bad(
      "scheduler: nowhere\n"
      "bind: 7202\n"
      "slots: -1\n"
      "threads: -1\n"
      "log_level: loud\n"
      "gpus: [0, 0]\n"
      "gpu_memory_fraction: 0\n"
      "memory: 1Gi\n");
  const std::vector<ConfigError> errors = bad.reader.errors();
  REQUIRE(errors.size() == 8);
  for (size_t i = 0; i < errors.size(); ++i) {
    INFO(ErrorString(errors[i]));
    CHECK(errors[i].line == static_cast<int>(i) + 1);
  }
}

}  // namespace
}  // namespace paracord
