#include "worker/message_socket.h"

#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <thread>

namespace paracord {
namespace {

struct Pair {
  Descriptor one, other;
  Pair() { REQUIRE(OpenSocketPair(&one, &other).ok()); }
};

TEST_CASE("a message comes out as it went in, whatever its length, as often as it is sent") {
  Pair pair;
  const std::string zeros(5, '\0');
  for (const std::string& message :
       {std::string(), zeros, std::string("text"), std::string(kMostMessageBytes, 'x')}) {
    std::thread sender([&] { CHECK(SendMessage(pair.one.number(), message).ok()); });
    const auto received = ReceiveMessage(pair.other.number());
    sender.join();
    REQUIRE(received.ok());
    CHECK(*received == message);
  }
}

TEST_CASE("when one side is closed the other is told, also in the middle of a message") {
  for (const std::string& sent :
       {std::string(), std::string("\x01"), std::string("\x05\0\0\0ab", 6)}) {
    Pair pair;
    REQUIRE(send(pair.one.number(), sent.data(), sent.size(), 0) ==
            static_cast<ssize_t>(sent.size()));
    pair.one.Close();
    CHECK(absl::IsUnavailable(ReceiveMessage(pair.other.number()).status()));
    CHECK(absl::IsUnavailable(SendMessage(pair.other.number(), "no signal ends this process")));
  }
}

TEST_CASE("a message longer than any may be is refused before there is room made for it") {
  Pair pair;
  const char length[] = {0, 0, 0, 0x7f};
  REQUIRE(send(pair.one.number(), length, sizeof(length), 0) == 4);
  CHECK(absl::IsInvalidArgument(ReceiveMessage(pair.other.number()).status()));
  CHECK(absl::IsInvalidArgument(
      SendMessage(pair.one.number(), std::string(kMostMessageBytes + 1, 'x'))));
}

}  // namespace
}  // namespace paracord
