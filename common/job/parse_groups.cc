#include "common/job/parse_groups.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/glob.h"

namespace paracord {
namespace {

constexpr size_t kMostNames = 40;  // in a message

ParameterGroup ParseGroup(const ConfigNode& node) {
  ParameterGroup group;
  group.match = node.String("match");
  group.lr_scale = node.Number("lr_scale", 1, {0, 1e6});
  if (node.Has("weight_decay")) group.weight_decay = node.Number("weight_decay", 0, {0, 1e6});
  if (!node.faulty() && !node.Has("lr_scale") && !node.Has("weight_decay")) {
    node.Error("found neither lr_scale nor weight_decay; expected one of them, or both");
  }
  node.Finish();
  return group;
}

std::string NamesOf(const std::vector<std::string>& names) {
  const size_t shown = std::min(names.size(), kMostNames);
  const auto end = names.begin() + static_cast<std::ptrdiff_t>(shown);
  return absl::StrCat(
      absl::StrJoin(names.begin(), end, ", "),
      shown < names.size() ? absl::StrCat(" and ", names.size() - shown, " more") : "");
}

// Takes out of `left` the names that are of the group; reports a group that has none.
void TakeNames(const ConfigNode& match, const std::string& pattern,
               const std::vector<std::string>& all, std::vector<std::string>* left) {
  const auto matches = [&pattern](const std::string& name) { return GlobMatches(pattern, name); };
  const size_t before = left->size();
  left->erase(std::remove_if(left->begin(), left->end(), matches), left->end());
  if (left->size() < before) return;
  if (std::any_of(all.begin(), all.end(), matches)) {
    return match.Error(absl::StrCat("found '", pattern, "', whose tensors are all of earlier ",
                                    "groups; expected ",
                                    left->empty() ? "no group after one that takes all"
                                                  : absl::StrCat("some of ", NamesOf(*left))));
  }
  match.Error(absl::StrCat("found '", pattern, "', which matches no tensor; expected some of ",
                           NamesOf(all)));
}

}  // namespace

std::vector<ParameterGroup> ParseGroups(const ConfigNode& groups, const ParsedModel& model) {
  std::vector<ParameterGroup> out;
  if (groups.kind() == ConfigNode::Kind::kMissing) return out;
  std::vector<std::string> names;
  for (const TensorSpec& tensor : model.spec.tensors) {
    if (tensor.kind == TensorKind::kTrained) names.push_back(tensor.name);
  }
  std::vector<std::string> left = names;
  for (const ConfigNode& item : groups.Items()) {
    out.push_back(ParseGroup(item));
    const ConfigNode match = item.Child("match");
    if (model.output_known && !match.faulty()) TakeNames(match, out.back().match, names, &left);
  }
  return out;
}

}  // namespace paracord
