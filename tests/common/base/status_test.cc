#include "common/base/status.h"

#include <catch2/catch.hpp>
#include <set>

namespace paracord {
namespace {

TEST_CASE("a code has one spelling, in logs, in messages and as a failure's code") {
  CHECK(std::string(CodeName(absl::StatusCode::kInvalidArgument)) == "InvalidArgument");
  CHECK(std::string(CodeName(absl::StatusCode::kResourceExhausted)) == "ResourceExhausted");
  CHECK(std::string(CodeName(absl::StatusCode::kDataLoss)) == "DataLoss");
  CHECK(std::string(CodeName(absl::StatusCode::kFailedPrecondition)) == "FailedPrecondition");
  CHECK(std::string(CodeName(static_cast<absl::StatusCode>(99))) == "Unknown");
  CHECK(Describe(absl::DataLossError("torn")) == "DataLoss: torn");
  CHECK(Describe(absl::OkStatus()) == "OK");
  std::set<std::string> names;
  for (int code = 0; code <= 16; ++code)
    names.insert(CodeName(static_cast<absl::StatusCode>(code)));
  CHECK(names.size() == 17);
}

TEST_CASE("an error may have a name of its own, which it keeps when something is said before it") {
  const absl::Status named =
      NamedError(absl::StatusCode::kInvalidArgument, "NonFinite", "the loss is nan");
  CHECK(absl::IsInvalidArgument(named));
  CHECK(FailureCode(named) == "NonFinite");
  CHECK(Describe(Annotate(named, "here")) == "NonFinite: here: the loss is nan");
  CHECK(FailureCode(absl::DataLossError("torn")) == "DataLoss");
}

}  // namespace
}  // namespace paracord
