#include "worker/data/line_reader.h"

#include <cstring>

#include "common/base/status.h"

namespace paracord {
namespace {

constexpr size_t kChunk = 1 << 18;
constexpr size_t kLongestLine = 64 << 20;

}  // namespace

absl::Status LineReader::Error(const std::string& what) const {
  return absl::InvalidArgumentError(absl::StrCat(file_.path(), ": line ", number_, ": ", what));
}

absl::Status LineReader::Fill() {
  if (begin_ < end_) return absl::OkStatus();
  chunk_.resize(kChunk);
  begin_ = 0;
  ASSIGN_OR_RETURN(end_, file_.Read(chunk_.data(), chunk_.size()));
  return absl::OkStatus();
}

absl::StatusOr<bool> LineReader::Next(std::string* line) {
  line->clear();
  RETURN_IF_ERROR(Fill());
  if (begin_ == end_) return false;
  ++number_;
  bool ended = false;
  while (!ended && begin_ < end_) {
    const char* from = chunk_.data() + begin_;
    const void* newline = std::memchr(from, '\n', end_ - begin_);
    ended = newline != nullptr;
    const size_t count = ended ? static_cast<const char*>(newline) - from : end_ - begin_;
    line->append(from, count);
    begin_ += count + (ended ? 1 : 0);
    if (line->size() > kLongestLine) return Error("longer than 64 MiB; expected text");
    if (!ended) RETURN_IF_ERROR(Fill());
  }
  if (!line->empty() && line->back() == '\r') line->pop_back();
  if (number_ == 1 && line->compare(0, 3, "\xef\xbb\xbf") == 0) line->erase(0, 3);
  return true;
}

}  // namespace paracord
