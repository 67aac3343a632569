#include "common/base/name.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace paracord {
namespace {

constexpr size_t kLongestName = 63;

}  // namespace

bool IsName(const std::string& text) {
  return !text.empty() && text.size() <= kLongestName && absl::ascii_isalnum(text[0]) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
         });
}

std::string ReadName(const ConfigNode& root, const std::string& fallback) {
  const std::string name = root.String("name", fallback);
  const ConfigNode node = root.Child("name");
  if (!IsName(name) && !node.faulty()) {
    node.Error(absl::StrCat("found ", node.Found(), "; expected ", kNameRule));
  }
  return name;
}

}  // namespace paracord
