#include "common/job/consistency_spec.h"

#include <vector>

#include "absl/strings/str_cat.h"

namespace paracord {
namespace {

constexpr double kMostStaleness = 1e6;
constexpr double kMostBackups = 64;
constexpr const char* kExpected = "expected bsp, {bsp: {backup: 1}}, {ssp: 3} or async";

}  // namespace

ConsistencySpec ParseConsistency(const ConfigNode& root) {
  using Mode = ConsistencySpec::Mode;
  const ConfigNode node = root.Child("consistency");
  ConsistencySpec spec;
  if (node.kind() == ConfigNode::Kind::kMissing || node.text() == "bsp") return spec;
  const std::vector<std::string> keys = node.Keys();
  if (node.text() == "async") {
    spec.mode = Mode::kAsync;
  } else if (keys == std::vector<std::string>{"ssp"}) {
    spec.mode = Mode::kSsp;
    spec.staleness = static_cast<uint32_t>(node.Integer("ssp", {0, kMostStaleness}));
  } else if (keys == std::vector<std::string>{"bsp"}) {
    const ConfigNode bsp = node.Child("bsp");
    spec.backup = static_cast<uint32_t>(bsp.Integer("backup", {1, kMostBackups}));
    bsp.Finish();
  } else if (node.text() == "ssp") {
    node.Error("found 'ssp' without its bound; expected as in {ssp: 3}");
  } else {
    node.Error(absl::StrCat("found ", node.Found(), "; ", kExpected));
  }
  return spec;
}

std::string Name(const ConsistencySpec& spec) {
  switch (spec.mode) {
    case ConsistencySpec::Mode::kBsp:
      return "bsp";
    case ConsistencySpec::Mode::kSsp:
      return absl::StrCat("ssp(", spec.staleness, ")");
    case ConsistencySpec::Mode::kAsync:
      return "async";
  }
  return "";
}

}  // namespace paracord
