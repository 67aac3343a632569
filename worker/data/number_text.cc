#include "worker/data/number_text.h"

#include <charconv>
#include <cmath>
#include <system_error>

#include "absl/strings/escaping.h"
#include "common/base/status.h"

namespace paracord {

std::string_view WithoutBlanks(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string Quoted(std::string_view text) {
  constexpr size_t kShown = 40;
  const std::string shown(text.substr(0, kShown));
  return absl::StrCat("'", absl::Utf8SafeCEscape(shown), text.size() > kShown ? "..." : "", "'");
}

absl::StatusOr<float> ParseFiniteFloat(std::string_view text) {
  std::string_view digits = WithoutBlanks(text);
  if (digits.empty()) return absl::InvalidArgumentError("found nothing; expected a number");
  if (digits.size() > 1 && digits[0] == '+' && digits[1] != '-') digits.remove_prefix(1);
  double value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, code] = std::from_chars(digits.data(), end, value);
  if (code == std::errc::invalid_argument || stop != end) {
    return absl::InvalidArgumentError(absl::StrCat("found ", Quoted(text), "; expected a number"));
  }
  // A double beyond float's range converts to infinity under IEEE 754.
  const float rounded = static_cast<float>(value);
  if (code == std::errc::result_out_of_range || !std::isfinite(rounded)) {
    return absl::InvalidArgumentError(
        absl::StrCat("found ", Quoted(text), "; expected a finite number of float's range"));
  }
  return rounded;
}

}  // namespace paracord
