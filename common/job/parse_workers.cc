#include "common/job/parse_workers.h"

#include "absl/strings/str_cat.h"

namespace paracord {
namespace {

constexpr Bounds kBounds = {1, kMostVirtualWorkers};

WorkersSpec ParseRange(const ConfigNode& node) {
  WorkersSpec spec;
  spec.least = static_cast<uint32_t>(node.Integer("min", 1, kBounds));
  spec.most = static_cast<uint32_t>(node.Integer("max", kBounds));
  node.Finish();
  const ConfigNode min = node.Child("min");
  if (spec.least > spec.most && !min.faulty() && !node.Child("max").faulty()) {
    min.Error(absl::StrCat("found '", spec.least, "'; expected at most workers.max, which is ",
                           spec.most));
  }
  return spec;
}

}  // namespace

WorkersSpec ParseWorkers(const ConfigNode& root, uint32_t virtual_workers) {
  const ConfigNode node = root.Child("workers");
  const bool range = node.kind() == ConfigNode::Kind::kMap;
  WorkersSpec spec;
  if (range) {
    spec = ParseRange(node);
  } else {
    spec.most = spec.least = static_cast<uint32_t>(root.Integer("workers", 1, kBounds));
  }
  const ConfigNode most = range ? node.Child("max") : node;
  if (spec.most > virtual_workers && !most.faulty()) {
    most.Error(absl::StrCat("found '", spec.most,
                            "'; expected at most train.virtual_workers, which is ",
                            virtual_workers));
  }
  return spec;
}

}  // namespace paracord
