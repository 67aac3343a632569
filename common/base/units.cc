#include "common/base/units.h"

#include <cmath>
#include <iterator>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace paracord {
namespace {

using Units = std::map<std::string, double>;

// "12.5 kB": the number times what `units` says of the word behind it.
std::optional<int64_t> Quantity(const std::string& text, const Units& units) {
  const size_t end = text.find_first_not_of("0123456789.");
  const std::string digits = text.substr(0, end);
  std::string unit = end == std::string::npos ? "" : text.substr(end);
  absl::StripAsciiWhitespace(&unit);
  const auto found = units.find(unit);
  if (found == units.end()) return std::nullopt;
  int64_t whole;
  if (found->second == 1 && absl::SimpleAtoi(digits, &whole)) return whole;  // exact beyond 2^53
  double number;
  if (!absl::SimpleAtod(digits, &number)) return std::nullopt;
  const double value = std::round(number * found->second);
  if (!(value < 0x1p63)) return std::nullopt;
  return static_cast<int64_t>(value);
}

}  // namespace

std::optional<uint64_t> ParseBytes(const std::string& text) {
  static const Units* const units = [] {
    auto* made = new Units{{"", 1}, {"B", 1}, {"k", 1e3}, {"kB", 1e3}};
    double decimal = 1, binary = 1;
    for (const char* prefix : {"K", "M", "G", "T"}) {
      decimal *= 1000, binary *= 1024;
      for (const char* tail : {"", "B"}) {
        (*made)[std::string(prefix) + tail] = decimal;
        (*made)[std::string(prefix) + "i" + tail] = binary;
      }
    }
    return made;
  }();
  const std::optional<int64_t> bytes = Quantity(text, *units);
  if (!bytes) return std::nullopt;
  return static_cast<uint64_t>(*bytes);
}

std::string FormatBytes(uint64_t bytes) {
  constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (bytes < 1024) return absl::StrCat(bytes, " bytes");
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return absl::StrFormat("%.1f %s", value, kUnits[unit]);
}

std::optional<int64_t> ParseNanoseconds(const std::string& text) {
  static const Units* const units =
      new Units{{"ns", 1},   {"us", 1e3},   {"ms", 1e6},   {"s", 1e9},
                {"m", 60e9}, {"min", 60e9}, {"h", 3600e9}, {"d", 86400e9}};
  if (text == "0") return 0;
  return Quantity(text, *units);
}

}  // namespace paracord
