#include "scheduler/cli/context.h"

#include <filesystem>

#include "common/base/status.h"

namespace paracord {
namespace {

bool NobodyThere(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

int ExitCodeOf(const absl::Status& status) {
  if (NobodyThere(status)) return kNoCluster;
  const bool asked_wrongly =
      absl::IsInvalidArgument(status) || absl::IsNotFound(status) || absl::IsAlreadyExists(status);
  return asked_wrongly ? kUsage : kFailed;
}

}  // namespace

absl::Status CheckNotRead(const std::string& out, const std::vector<std::string>& inputs) {
  for (const std::string& input : inputs) {
    std::error_code error;  // of one that is not there
    if (!std::filesystem::equivalent(out, input, error) || error) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "found --out ", out, ", which is read, too; expected another file; nothing was written"));
  }
  return absl::OkStatus();
}

int Fail(const Context& context, const absl::Status& status) {
  context.err << "paracord: " << std::string(status.message()) << std::endl;
  return ExitCodeOf(status);
}

int FailTimed(const Context& context, const absl::Status& status) {
  const int code = Fail(context, status);
  return NobodyThere(status) ? kTimedOut : code;
}

void PrintJson(const Context& context, const Json& json) {
  context.out << json.dump(2, ' ', false, Json::error_handler_t::replace) << std::endl;
}

}  // namespace paracord
