#include "common/base/nearest.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace paracord {
namespace {

size_t EditDistance(const std::string& a, const std::string& b) {
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, change});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) now[j] = std::min(now[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(now);
  }
  return last[b.size()];
}

}  // namespace

std::string Nearest(const std::string& found, const std::vector<std::string>& known) {
  const std::string word = absl::AsciiStrToLower(found);
  std::string best;
  size_t best_distance = std::max<size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : known) {
    const std::string other = absl::AsciiStrToLower(candidate);
    const size_t lengths_differ =
        std::max(word.size(), other.size()) - std::min(word.size(), other.size());
    const size_t allowed = std::max<size_t>(1, other.size() / 3);
    if (lengths_differ > allowed) continue;  // also keeps a hostile, endless word cheap
    const size_t distance = EditDistance(word, other);
    if (distance > allowed || distance >= best_distance) continue;
    best = candidate;
    best_distance = distance;
  }
  return best;
}

std::string DidYouMean(const std::string& found, const std::vector<std::string>& known) {
  const std::string nearest = Nearest(found, known);
  return nearest.empty() ? "" : absl::StrCat("; did you mean '", nearest, "'?");
}

}  // namespace paracord
