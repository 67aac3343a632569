#include "common/base/status.h"

#include <cstdio>
#include <cstdlib>

#include "absl/strings/cord.h"

namespace paracord {
namespace {

constexpr const char* kName = "paracord/name";  // of the payload that is an error's own name

}  // namespace

absl::Status Annotate(const absl::Status& status, const std::string& context) {
  if (status.ok()) return status;
  absl::Status out(status.code(), absl::StrCat(context, ": ", status.message()));
  if (const auto name = status.GetPayload(kName)) out.SetPayload(kName, *name);
  return out;
}

absl::Status NamedError(absl::StatusCode code, const std::string& name,
                        const std::string& message) {
  absl::Status out(code, message);
  out.SetPayload(kName, absl::Cord(name));
  return out;
}

std::string FailureCode(const absl::Status& status) {
  const auto name = status.GetPayload(kName);
  return name ? std::string(*name) : CodeName(status.code());
}

const char* CodeName(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return "OK";
    case absl::StatusCode::kCancelled:
      return "Cancelled";
    case absl::StatusCode::kInvalidArgument:
      return "InvalidArgument";
    case absl::StatusCode::kDeadlineExceeded:
      return "DeadlineExceeded";
    case absl::StatusCode::kNotFound:
      return "NotFound";
    case absl::StatusCode::kAlreadyExists:
      return "AlreadyExists";
    case absl::StatusCode::kPermissionDenied:
      return "PermissionDenied";
    case absl::StatusCode::kResourceExhausted:
      return "ResourceExhausted";
    case absl::StatusCode::kFailedPrecondition:
      return "FailedPrecondition";
    case absl::StatusCode::kAborted:
      return "Aborted";
    case absl::StatusCode::kOutOfRange:
      return "OutOfRange";
    case absl::StatusCode::kUnimplemented:
      return "Unimplemented";
    case absl::StatusCode::kInternal:
      return "Internal";
    case absl::StatusCode::kUnavailable:
      return "Unavailable";
    case absl::StatusCode::kDataLoss:
      return "DataLoss";
    case absl::StatusCode::kUnauthenticated:
      return "Unauthenticated";
    default:  // also those that Abseil reserves
      return "Unknown";
  }
}

std::string Describe(const absl::Status& status) {
  if (status.ok()) return "OK";
  return absl::StrCat(FailureCode(status), ": ", status.message());
}

void CheckFailed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace paracord
