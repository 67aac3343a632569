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

}  // namespace
}  // namespace paracord
