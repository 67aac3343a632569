// Messages between a daemon and its child over a pair of connected sockets: a length, 4 bytes
// little-endian, then so many bytes. Blocks; one thread.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace paracord {

inline constexpr uint32_t kMostMessageBytes = 4 << 20;

// A file descriptor that is closed with this; -1: none.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  ~Descriptor() { Close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int number() const { return number_; }
  void Reset(int number);
  void Close() { Reset(-1); }

 private:
  int number_;
};

// Two ends that speak to each other; other programs that are started do not inherit them.
absl::Status OpenSocketPair(Descriptor* one, Descriptor* other);

// Unavailable: the other side has gone. InvalidArgument: longer than kMostMessageBytes.
absl::Status SendMessage(int socket, const std::string& message);
absl::StatusOr<std::string> ReceiveMessage(int socket);

}  // namespace paracord
