#include "common/job/text_chunk.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace paracord {
namespace {

enum class ByteClass { kLetter, kDigit, kSpace, kOther };

ByteClass ClassOf(char byte) {
  const auto value = static_cast<unsigned char>(byte);
  if (value >= 0x80 || absl::ascii_isalpha(value)) return ByteClass::kLetter;
  if (absl::ascii_isdigit(value)) return ByteClass::kDigit;
  return absl::ascii_isspace(value) ? ByteClass::kSpace : ByteClass::kOther;
}

}  // namespace

size_t ChunkBytes(std::string_view text) {
  if (text.empty()) return 0;
  const size_t most = std::min(text.size(), kMostChunkBytes);
  const auto is_space = [&](size_t at) { return ClassOf(text[at]) == ByteClass::kSpace; };
  size_t end = text.size() > 1 && text[0] == ' ' && !is_space(1) ? 1 : 0;
  const ByteClass kind = ClassOf(text[end]);
  while (end < most && ClassOf(text[end]) == kind) ++end;
  const bool lends = kind == ByteClass::kSpace && end > 1 && text[end - 1] == ' ' &&
                     end < text.size() && !is_space(end);
  return lends ? end - 1 : end;
}

}  // namespace paracord
