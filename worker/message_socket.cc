#include "worker/message_socket.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/base/status.h"

namespace paracord {
namespace {

constexpr size_t kLengthBytes = 4;

absl::Status Gone(const char* why) {
  return absl::UnavailableError(absl::StrCat("the other process has gone: ", why));
}

absl::Status CheckLength(uint64_t length) {
  if (length <= kMostMessageBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("found a message of ", length, " bytes; expected at most ", kMostMessageBytes));
}

absl::Status SendAll(int socket, const char* bytes, size_t count) {
  while (count > 0) {
    const ssize_t sent = send(socket, bytes, count, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return Gone(std::strerror(errno));
    bytes += sent;
    count -= static_cast<size_t>(sent);
  }
  return absl::OkStatus();
}

absl::Status ReceiveAll(int socket, char* bytes, size_t count) {
  while (count > 0) {
    const ssize_t got = recv(socket, bytes, count, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return Gone(got == 0 ? "it has closed" : std::strerror(errno));
    bytes += got;
    count -= static_cast<size_t>(got);
  }
  return absl::OkStatus();
}

}  // namespace

void Descriptor::Reset(int number) {
  if (number_ >= 0) close(number_);
  number_ = number;
}

absl::Status OpenSocketPair(Descriptor* one, Descriptor* other) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return absl::ResourceExhaustedError(absl::StrCat("socketpair: ", std::strerror(errno)));
  }
  one->Reset(ends[0]);
  other->Reset(ends[1]);
  return absl::OkStatus();
}

absl::Status SendMessage(int socket, const std::string& message) {
  RETURN_IF_ERROR(CheckLength(message.size()));
  char length[kLengthBytes];
  for (size_t i = 0; i < kLengthBytes; ++i) {
    length[i] = static_cast<char>(message.size() >> (8 * i) & 0xff);
  }
  RETURN_IF_ERROR(SendAll(socket, length, sizeof(length)));
  return SendAll(socket, message.data(), message.size());
}

absl::StatusOr<std::string> ReceiveMessage(int socket) {
  unsigned char length[kLengthBytes];
  RETURN_IF_ERROR(ReceiveAll(socket, reinterpret_cast<char*>(length), sizeof(length)));
  uint32_t count = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) count |= uint32_t{length[i]} << (8 * i);
  RETURN_IF_ERROR(CheckLength(count));
  std::string message(count, '\0');
  RETURN_IF_ERROR(ReceiveAll(socket, message.data(), message.size()));
  return message;
}

}  // namespace paracord
