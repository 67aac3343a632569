#include "common/rpc/daemon_options.h"

#include <catch2/catch.hpp>

namespace paracord {
namespace {

// The errors of a member's configuration, one a line.
std::string Errors(const std::string& yaml) {
  ConfigReader reader(yaml);
  MemberOptions options;
  options.name = "server-0";
  options.bind = "0.0.0.0:7201";
  ParseMemberOptions(reader.root(), &options);
  std::string text;
  for (const ConfigError& error : reader.errors()) text += ErrorString(error) + "\n";
  return text;
}

TEST_CASE("a member's name follows the rule of job names, or its line is named") {
  for (const char* good : {"server-0", "A", "0", "node_7.rack-2"}) {
    CHECK(Errors("name: " + std::string(good)) == "");
  }
  CHECK(Errors("name: " + std::string(63, 'x')) == "");
  for (const std::string& bad : {std::string("''"), std::string("a/b"), std::string("'a b'"),
                                 std::string("-a"), std::string(".a"), std::string(64, 'x')}) {
    const std::string errors = Errors("# first\nname: " + bad);
    INFO(bad << " gave " << errors);
    CHECK(errors.find("line 2: name: found ") == 0);
    CHECK(errors.find("expected at most 63 letters, digits, '-', '_' and '.', a letter or digit") !=
          std::string::npos);
  }
}

TEST_CASE("what is advertised is a host, with a port or without") {
  for (const char* good : {"''", "node-7", "node-7.rack:7201", "10.0.0.7", "'10.0.0.7:0'",
                           "'[::1]'", "'[::1]:7201'"}) {
    CHECK(Errors("advertise: " + std::string(good)) == "");
  }
  for (const char* bad :
       {"'http://node-7'", "'node-7:'", "'node-7:port'", "'node-7:65536'", "':7201'", "'a b'",
        "'a/b'", "'::1'", "'[::1'", "'[::1]7201'", "'node-7:1:2'"}) {
    const std::string errors = Errors("bind: 127.0.0.1:0\nadvertise: " + std::string(bad));
    INFO(bad << " gave " << errors);
    CHECK(errors.find("line 2: advertise: found ") == 0);
    CHECK(errors.find("expected HOST or HOST:PORT") != std::string::npos);
  }
}

}  // namespace
}  // namespace paracord
