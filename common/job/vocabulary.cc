#include "common/job/vocabulary.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <optional>

#include "common/base/status.h"

namespace paracord {
namespace {

constexpr char kTitle[] = "paracord-vocabulary 1";
constexpr char kSizeWord[] = "tokens ";

// A number that is all of `text`.
std::optional<uint32_t> NumberIn(std::string_view text) {
  uint32_t number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || rest != end) return std::nullopt;
  return number;
}

// "101 32"
std::optional<Vocabulary::Merge> MergeIn(std::string_view line) {
  const size_t space = line.find(' ');
  if (space == line.npos) return std::nullopt;
  const auto left = NumberIn(line.substr(0, space)), right = NumberIn(line.substr(space + 1));
  if (!left || !right) return std::nullopt;
  return Vocabulary::Merge(*left, *right);
}

absl::Status LineError(size_t line, std::string_view found, const std::string& expected) {
  constexpr size_t kMostShown = 40;
  return absl::InvalidArgumentError(absl::StrCat("line ", line, ": found '",
                                                 std::string(found.substr(0, kMostShown)),
                                                 "'; expected ", expected));
}

// What is between newlines; the last one, behind the last newline, may be empty.
std::vector<std::string_view> LinesOf(std::string_view text) {
  std::vector<std::string_view> lines;
  for (size_t end = text.find('\n'); end != text.npos; end = text.find('\n')) {
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  lines.push_back(text);
  return lines;
}

}  // namespace

Vocabulary::Vocabulary() : table_(1) {
  for (size_t byte = 0; byte < kBytes; ++byte) {
    bytes_ += static_cast<char>(byte);
    ends_.push_back(static_cast<uint32_t>(byte) + 1);
  }
}

absl::StatusOr<Vocabulary> Vocabulary::Make(const std::vector<Merge>& merges) {
  if (merges.size() > kMostTokens - kBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("found ", kBytes + merges.size(), " tokens; expected at most ", kMostTokens));
  }
  Vocabulary vocabulary;
  vocabulary.table_.resize(std::bit_ceil(2 * merges.size() + 1));
  for (const Merge& merge : merges) RETURN_IF_ERROR(vocabulary.Add(merge));
  return vocabulary;
}

absl::Status Vocabulary::Add(const Merge& merge) {
  const uint32_t left = merge.first, right = merge.second;
  const auto wrong = [&](const std::string& what) {
    return absl::InvalidArgumentError(
        absl::StrCat("token ", size(), ": found tokens ", left, " and ", right, "; ", what));
  };
  if (left >= size() || right >= size()) return wrong("expected earlier ones");
  Place& place = table_[PlaceOf(PairOf(left, right))];
  if (place.token != 0) return wrong(absl::StrCat("token ", place.token, " is of these already"));
  const std::string bytes = std::string(BytesOf(left)) + std::string(BytesOf(right));
  if (bytes.size() > kMostChunkBytes) {
    return wrong(
        absl::StrCat("they have ", bytes.size(), " bytes; expected at most ", kMostChunkBytes));
  }
  place = {PairOf(left, right), static_cast<uint32_t>(size())};
  merges_.push_back(merge);
  bytes_ += bytes;
  ends_.push_back(static_cast<uint32_t>(bytes_.size()));
  return absl::OkStatus();
}

absl::StatusOr<Vocabulary> Vocabulary::Parse(std::string_view text) {
  const std::vector<std::string_view> lines = LinesOf(text);
  if (lines[0] != kTitle) return LineError(1, lines[0], absl::StrCat("'", kTitle, "'"));
  const std::string_view sizes = lines.size() > 1 ? lines[1] : "";
  const auto size =
      sizes.starts_with(kSizeWord) ? NumberIn(sizes.substr(sizeof(kSizeWord) - 1)) : std::nullopt;
  if (!size || *size < kBytes || *size > kMostTokens) {
    return LineError(2, sizes,
                     absl::StrCat("'", kSizeWord, "N', N from ", kBytes, " to ", kMostTokens));
  }
  const size_t merge_lines = lines.size() - 2;  // and the empty one at the end
  if (merge_lines != *size - kBytes + 1 || !lines.back().empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "found ", merge_lines - (lines.back().empty() ? 1 : 0), " lines of merges",
        lines.back().empty() ? "" : ", the last without its end", "; expected ", *size - kBytes));
  }
  std::vector<Merge> merges;
  for (size_t i = 2; i + 1 < lines.size(); ++i) {
    const auto merge = MergeIn(lines[i]);
    if (!merge) return LineError(i + 1, lines[i], "two tokens, 'LEFT RIGHT'");
    merges.push_back(*merge);
  }
  return Make(merges);
}

std::string Vocabulary::Text() const {
  std::string text = absl::StrCat(kTitle, "\n", kSizeWord, size(), "\n");
  for (const auto& [left, right] : merges_) absl::StrAppend(&text, left, " ", right, "\n");
  return text;
}

std::string_view Vocabulary::BytesOf(uint32_t token) const {
  const uint32_t begin = token == 0 ? 0 : ends_[token - 1];
  return std::string_view(bytes_).substr(begin, ends_[token] - begin);
}

size_t Vocabulary::PlaceOf(uint32_t pair) const {
  const size_t mask = table_.size() - 1;
  size_t at = (pair * 0x9E3779B97F4A7C15u >> 40) & mask;
  while (table_[at].token != 0 && table_[at].pair != pair) at = (at + 1) & mask;
  return at;
}

uint32_t Vocabulary::MergeOf(uint32_t left, uint32_t right) const {
  const Place& place = table_[PlaceOf(PairOf(left, right))];
  return place.token != 0 ? place.token : kNone;
}

std::vector<uint16_t> Vocabulary::Encode(std::string_view text) const {
  std::vector<uint16_t> tokens;
  while (!text.empty()) {
    const size_t bytes = ChunkBytes(text);
    EncodeChunk(text.substr(0, bytes), &tokens);
    text.remove_prefix(bytes);
  }
  return tokens;
}

// A merge looks up the two pairs that it makes and no others; the lowest is looked for among at
// most kMostChunkBytes.
void Vocabulary::EncodeChunk(std::string_view chunk, std::vector<uint16_t>* tokens) const {
  std::array<uint32_t, kMostChunkBytes> own, merged;  // tokens; what each and its next make
  size_t count = chunk.size();
  for (size_t i = 0; i < count; ++i) own[i] = static_cast<unsigned char>(chunk[i]);
  for (size_t i = 0; i + 1 < count; ++i) merged[i] = MergeOf(own[i], own[i + 1]);
  while (count > 1) {
    const auto last = merged.begin() + static_cast<int64_t>(count) - 1;
    const auto lowest = std::min_element(merged.begin(), last);  // the leftmost of them
    if (*lowest == kNone) break;
    const auto at = static_cast<size_t>(lowest - merged.begin());
    own[at] = *lowest;
    std::copy(own.begin() + static_cast<int64_t>(at) + 2, own.begin() + static_cast<int64_t>(count),
              own.begin() + static_cast<int64_t>(at) + 1);
    if (lowest + 1 < last) std::copy(lowest + 2, last, lowest + 1);
    --count;
    if (at + 1 < count) merged[at] = MergeOf(own[at], own[at + 1]);
    if (at > 0) merged[at - 1] = MergeOf(own[at - 1], own[at]);
  }
  tokens->insert(tokens->end(), own.begin(), own.begin() + static_cast<int64_t>(count));
}

absl::StatusOr<std::string> Vocabulary::Decode(const std::vector<uint16_t>& tokens) const {
  std::string text;
  for (const uint16_t token : tokens) {
    if (token >= size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("found token ", token, "; expected one of a vocabulary of ", size()));
    }
    text += BytesOf(token);
  }
  return text;
}

}  // namespace paracord
