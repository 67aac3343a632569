#include <catch2/catch.hpp>

#include "common/base/config.h"
#include "common/base/daemon.h"
#include "server/server.h"

namespace paracord {
namespace {

struct Parsed {
  explicit Parsed(const std::string& text) : reader(text) {
    options = Server::ParseOptions(reader.root());
    printed = Server::PrintOptions(options);
  }
  ConfigReader reader;
  Server::Options options;
  std::string printed;
};

TEST_CASE("the server's manual names every key, and says nothing but the defaults") {
  const Parsed manual(ReadFile(PARACORD_SOURCE_DIR "/configs/server.yaml").value());
  CHECK(manual.reader.errors().empty());
  CHECK(manual.printed == Server::PrintOptions(Server::Options()));
  CHECK(manual.printed == Parsed("").printed);
  const ConfigReader effective(manual.printed);
  CHECK(manual.reader.root().Keys() == effective.root().Keys());
}

TEST_CASE("what a server prints as its configuration means the same when it is read again") {
  const Parsed given(
      "{name: s7, scheduler: 'host-a:7300', bind: '127.0.0.1:0', advertise: host-b, memory: 512Mi,"
      " polling_threads: 3, log_level: debug}");
  CHECK(given.reader.errors().empty());
  CHECK(given.options.memory == 512u << 20);
  CHECK(given.options.polling_threads == 3);
  CHECK(given.options.directory == "paracord-s7");
  const Parsed again(given.printed);
  CHECK(again.reader.errors().empty());
  CHECK(again.printed == given.printed);
}

TEST_CASE("every mistake in a server's configuration is reported at once, with its line") {
  const Parsed bad(
      "scheduler: nowhere\n"
      "bind: 7201\n"
      "memory: plenty\n"
      "polling_threads: 65\n"
      "log_level: loud\n"
      "slots: 2\n");
  const std::vector<ConfigError> errors = bad.reader.errors();
  REQUIRE(errors.size() == 6);
  for (size_t i = 0; i < errors.size(); ++i) {
    INFO(ErrorString(errors[i]));
    CHECK(errors[i].line == static_cast<int>(i) + 1);
  }
}

}  // namespace
}  // namespace paracord
