#include "server/direct_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace paracord {
namespace {

constexpr size_t kAlignment = 4096;
constexpr size_t kHalf = 4 << 20;

}  // namespace

absl::StatusOr<std::unique_ptr<DirectFile>> DirectFile::Create(const std::string& path) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
  int file = open(path.c_str(), kFlags | O_DIRECT, 0644);
  if (file < 0 && errno == EINVAL) file = open(path.c_str(), kFlags, 0644);
  if (file < 0) return absl::UnavailableError(absl::StrCat(path, ": ", std::strerror(errno)));
  return std::unique_ptr<DirectFile>(new DirectFile(path, file));
}

DirectFile::DirectFile(std::string path, int file) : path_(std::move(path)), file_(file) {
  for (auto& half : halves_) {
    half.reset(static_cast<char*>(std::aligned_alloc(kAlignment, kHalf)));
    PARACORD_CHECK(half != nullptr);
  }
}

DirectFile::~DirectFile() {
  if (writing_.valid()) writing_.wait();
  close(file_);
}

absl::Status DirectFile::Trouble(const char* what) const {
  return absl::UnavailableError(absl::StrCat(path_, ": ", what, ": ", std::strerror(errno)));
}

absl::Status DirectFile::WriteAll(const char* data, size_t size, uint64_t at) {
  while (size > 0) {
    const ssize_t done = pwrite(file_, data, size, static_cast<off_t>(at));
    if (done < 0 && errno == EINTR) continue;
    const int flags = done < 0 && errno == EINVAL ? fcntl(file_, F_GETFL) : 0;
    if ((flags & O_DIRECT) != 0) {  // not with this alignment, or not at all
      if (fcntl(file_, F_SETFL, flags & ~O_DIRECT) != 0) return Trouble("fcntl");
      continue;
    }
    if (done <= 0) return Trouble("write");
    data += done;
    size -= static_cast<size_t>(done);
    at += static_cast<uint64_t>(done);
  }
  return absl::OkStatus();
}

// `padded`: bytes of the half that is filled, with what it takes to come to a whole block.
void DirectFile::StartWriting(size_t padded) {
  auto written = std::make_shared<std::promise<absl::Status>>();
  writing_ = written->get_future();
  writer_.Post([this, written, half = halves_[filling_].get(), padded, filled = filled_,
                at = bytes_ - filled_] {
    hash_.Add(half, filled);
    written->set_value(WriteAll(half, padded, at));
  });
  filling_ = 1 - filling_;
  filled_ = 0;
}

absl::Status DirectFile::EndWriting() {
  if (writing_.valid() && status_.ok()) status_ = writing_.get();
  return status_;
}

absl::Status DirectFile::Append(const void* data, size_t size) {
  PARACORD_CHECK(!finished_);
  const char* from = static_cast<const char*>(data);
  while (size > 0) {
    const size_t part = std::min(size, kHalf - filled_);
    std::memcpy(halves_[filling_].get() + filled_, from, part);
    from += part;
    size -= part;
    filled_ += part;
    bytes_ += part;
    if (filled_ < kHalf) break;
    RETURN_IF_ERROR(EndWriting());
    StartWriting(kHalf);
  }
  return status_;
}

absl::Status DirectFile::Finish() {
  RETURN_IF_ERROR(EndWriting());
  if (finished_) return status_;
  finished_ = true;
  if (filled_ > 0) {
    const size_t padded = (filled_ + kAlignment - 1) / kAlignment * kAlignment;
    std::memset(halves_[filling_].get() + filled_, 0, padded - filled_);
    StartWriting(padded);
    RETURN_IF_ERROR(EndWriting());
    if (ftruncate(file_, static_cast<off_t>(bytes_)) != 0) return status_ = Trouble("truncate");
  }
  if (fdatasync(file_) != 0) status_ = Trouble("sync");
  return status_;
}

}  // namespace paracord
