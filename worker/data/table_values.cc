#include "worker/data/table_values.h"

#include <algorithm>
#include <array>
#include <optional>

#include "common/base/philox.h"
#include "common/base/status.h"
#include "worker/data/number_text.h"

namespace paracord {
namespace {

using Kind = ColumnSpec::Kind;

constexpr uint64_t kWordStream = 0x776f72642d69643a;

// Source: Fowler, Noll, Vo, FNV-1a; then mixed, since its low bits alone are weak.
int64_t HashedId(std::string_view word, int64_t buckets) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (const char c : word) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3ull;
  return 1 + static_cast<int64_t>(MixKey(hash, kWordStream) % static_cast<uint64_t>(buckets));
}

// The values of a cross's columns as one word; nothing if one is missing.
std::optional<std::string> CrossedWord(const TableColumn& column, const Fields& row) {
  std::string word;
  for (const size_t field : column.fields) {
    if (IsMissing(row[field])) return std::nullopt;
    word.append(WithoutBlanks(row[field])).push_back('\x1f');
  }
  return word;
}

int64_t IdOf(const TableColumn& column, const ColumnFacts& facts, const Fields& row) {
  if (column.spec.kind == Kind::kCross) {
    const auto word = CrossedWord(column, row);
    return word ? HashedId(*word, column.spec.buckets) : 0;
  }
  const std::string_view word = WithoutBlanks(row[column.fields[0]]);
  if (column.spec.kind == Kind::kHashed) {
    return IsMissing(word) ? 0 : HashedId(word, column.spec.buckets);
  }
  const auto found = facts.ids.find(std::string(word));
  return found == facts.ids.end() ? 0 : found->second;
}

absl::StatusOr<float> NumberOf(const std::string& field, const ColumnFacts& facts,
                               const TableSpec& table) {
  double value = table.missing == MissingKind::kMean ? facts.mean : 0;
  if (table.missing == MissingKind::kError || !IsMissing(field)) {
    ASSIGN_OR_RETURN(value, ParseFiniteFloat(field));
  }
  if (table.standardize) value = (value - facts.mean) / facts.deviation;
  return static_cast<float>(value);
}

// `count` digits at `at` as a number; nothing if others stand there.
std::optional<int> Digits(std::string_view text, size_t at, size_t count) {
  if (text.size() < at + count) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

struct Date {
  int year = 0, month = 0, day = 0;
  std::optional<int> hour;

  bool leap() const { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }
  int DayOfYear() const {
    constexpr std::array<int, 12> kBefore = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    return kBefore[month - 1] + day + (leap() && month > 2 ? 1 : 0);
  }
  // Days since a Monday long ago; the Gregorian calendar begins each 400 years with one.
  int Weekday() const {
    const int before = year + 399;  // year 1 began with a Monday, and so did year -399
    return (before * 365 + before / 4 - before / 100 + before / 400 + DayOfYear() - 1) % 7 + 1;
  }
};

bool IsTimeTail(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || c == ':' || c == '.' || c == '+' || c == '-' || c == 'Z';
  });
}

std::optional<Date> ParseDate(std::string_view text) {
  const auto year = Digits(text, 0, 4), month = Digits(text, 5, 2), day = Digits(text, 8, 2);
  if (!year || !month || !day || text[4] != '-' || text[7] != '-') return std::nullopt;
  Date date{*year, *month, *day, std::nullopt};
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (date.month < 1 || date.month > 12 || date.day < 1) return std::nullopt;
  if (date.day > kDays[date.month - 1] + (date.month == 2 && date.leap() ? 1 : 0)) {
    return std::nullopt;
  }
  if (text.size() == 10) return date;
  date.hour = Digits(text, 11, 2);
  const bool separated = text[10] == ' ' || text[10] == 'T';
  if (!separated || !date.hour || *date.hour > 23 || !IsTimeTail(text.substr(13))) {
    return std::nullopt;
  }
  return date;
}

int PartOf(const Date& date, DatePart part) {
  switch (part) {
    case DatePart::kMonth:
      return date.month;
    case DatePart::kWeekday:
      return date.Weekday();
    case DatePart::kHour:
      return date.hour.value_or(0);
    case DatePart::kDayOfYear:
      return date.DayOfYear();
  }
  return 0;
}

}  // namespace

bool IsMissing(std::string_view field) {
  const std::string_view text = WithoutBlanks(field);
  constexpr std::string_view kMissing[] = {"", "NA", "N/A", "NaN", "nan", "NULL", "null", "?"};
  return std::find(std::begin(kMissing), std::end(kMissing), text) != std::end(kMissing);
}

absl::Status AppendDate(std::string_view text, const std::vector<DatePart>& parts,
                        std::vector<float>* out) {
  const std::optional<Date> date = ParseDate(WithoutBlanks(text));
  const bool wants_hour = std::find(parts.begin(), parts.end(), DatePart::kHour) != parts.end();
  if (!date || (wants_hour && !date->hour)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "found ", Quoted(text), "; expected a date as 2001-02-28", wants_hour ? " 23:59" : ""));
  }
  for (const DatePart part : parts) out->push_back(static_cast<float>(PartOf(*date, part)));
  return absl::OkStatus();
}

absl::Status AppendFeatures(const TableColumn& column, const ColumnFacts& facts,
                            const TableSpec& table, const Fields& row, std::vector<float>* out) {
  if (column.spec.kind == Kind::kNumber) {
    ASSIGN_OR_RETURN(const float value, NumberOf(row[column.fields[0]], facts, table));
    out->push_back(value);
  } else if (column.spec.kind != Kind::kDate) {
    out->push_back(static_cast<float>(IdOf(column, facts, row)));
  } else if (table.missing != MissingKind::kError && IsMissing(row[column.fields[0]])) {
    out->resize(out->size() + column.Features());
  } else {
    return AppendDate(row[column.fields[0]], column.spec.parts, out);
  }
  return absl::OkStatus();
}

}  // namespace paracord
