#include "common/rpc/rpc.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/base/status.h"

namespace paracord {
namespace {

// A frame is what HTTP/2 moves in one piece; 16 KiB, as it would be, means a header, a slice and a
// float cut in two for each 4,096 floats.
constexpr int kMaxFrameSize = 1 << 20;

// Debian's Abseil looks for deadlocks in every lock that gRPC takes, which costs 2 % of a busy
// host.
void TakeLocksForGranted() {
  [[maybe_unused]] static const bool done = [] {
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    return true;
  }();
}

// "[::1]": how an IPv6 address stands before a port.
bool InBrackets(const std::string& host) {
  return host.size() > 2 && host.front() == '[' && host.back() == ']';
}

}  // namespace

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()));
}

std::shared_ptr<grpc::Channel> OpenChannel(const std::string& address) {
  TakeLocksForGranted();
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, kMaxFrameSize);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  // In spite of its name this bounds a connection attempt, not the pause: a busy host needs time to
  // shake hands.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 3000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 500);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

absl::StatusOr<std::pair<std::string, int>> SplitAddress(const std::string& address) {
  const size_t colon = address.rfind(':');
  const std::string host = address.substr(0, colon == std::string::npos ? 0 : colon);
  int port = -1;
  if (host.empty() || !absl::SimpleAtoi(address.substr(colon + 1), &port) || port < 0 ||
      port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat(
        "found address '", address, "', expected HOST:PORT with a port of 0 to 65535"));
  }
  if (host.find(':') != std::string::npos && !InBrackets(host)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "found address '", address, "', expected an IPv6 address in brackets, as in [::1]:7200"));
  }
  return std::make_pair(host, port);
}

void Listen(grpc::ServerBuilder& builder, Listening& listening) {
  TakeLocksForGranted();
  builder.SetMaxReceiveMessageSize(-1);
  builder.SetMaxSendMessageSize(-1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, kMaxFrameSize);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddListeningPort(listening.bind, grpc::InsecureServerCredentials(), &listening.port);
}

absl::Status CheckFree(const std::string& bind) {
  const auto parts = SplitAddress(bind);
  if (!parts.ok()) return parts.status();
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  std::string host = parts->first;
  if (InBrackets(host)) {
    host = host.substr(1, host.size() - 2);
    hints.ai_family = AF_INET6;
  }
  const std::string port = std::to_string(parts->second);
  const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (error != 0) {
    return absl::InvalidArgumentError(absl::StrCat("cannot listen on ", bind, ": host '",
                                                   parts->first, "': ", gai_strerror(error)));
  }
  const int fd = socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, 0);
  const int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  absl::Status status;
  if (::bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, 1) != 0) {
    status = absl::AlreadyExistsError(absl::StrCat(
        "cannot listen on ", bind, ": ",
        errno == EADDRINUSE ? "the port is in use by another process" : std::strerror(errno)));
  }
  close(fd);
  freeaddrinfo(found);
  return status;
}

absl::Status CheckBound(const grpc::Server* server, const Listening& listening) {
  if (server != nullptr && listening.port != 0) return absl::OkStatus();
  RETURN_IF_ERROR(CheckFree(listening.bind));
  return absl::AlreadyExistsError(
      absl::StrCat("cannot listen on ", listening.bind, ": gRPC refused it"));
}

std::string AdvertisedAddress(const Listening& listening, const std::string& advertise) {
  const std::string bind_host = listening.bind.substr(0, listening.bind.rfind(':'));
  if (!advertise.empty()) {
    const auto parts = SplitAddress(advertise);
    if (parts.ok() && parts->second != 0) return advertise;
    return absl::StrCat(parts.ok() ? parts->first : advertise, ":", listening.port);
  }
  if (bind_host != "0.0.0.0" && bind_host != "[::]")
    return absl::StrCat(bind_host, ":", listening.port);
  char name[256] = "localhost";
  gethostname(name, sizeof(name) - 1);
  return absl::StrCat(name, ":", listening.port);
}

}  // namespace paracord
