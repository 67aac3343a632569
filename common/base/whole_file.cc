#include "common/base/whole_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "common/base/status.h"

namespace paracord {
namespace {

absl::Status SyncFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = fd >= 0 && fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) close(fd);
  if (synced) return absl::OkStatus();
  return absl::UnknownError(absl::StrCat(path, ": ", std::strerror(error)));
}

// Where a link leads; the link itself stays.
std::string Target(const std::string& path) {
  std::error_code error;
  const std::filesystem::path target = std::filesystem::weakly_canonical(path, error);
  return error ? path : target.string();
}

}  // namespace

WholeFile::WholeFile(const std::string& path)
    : path_(Target(path)), temporary_(TemporaryPath(path)) {}

std::string WholeFile::TemporaryPath(const std::string& path) {
  return absl::StrCat(Target(path), ".", getpid(), ".new");
}

WholeFile::~WholeFile() {
  if (!file_.is_open()) return;
  file_.close();
  std::remove(temporary_.c_str());
}

absl::Status WholeFile::Open() {
  std::error_code error;
  const auto status = std::filesystem::status(path_, error);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path_, ": found something that is no file; nothing was written"));
  }
  file_.open(temporary_, std::ios::binary | std::ios::trunc);
  return Checked();
}

absl::Status WholeFile::Append(std::string_view bytes) {
  file_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  size_ += bytes.size();
  return Checked();
}

absl::Status WholeFile::Replace(uint64_t at, std::string_view bytes) {
  file_.seekp(static_cast<std::streamoff>(at));
  file_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file_.seekp(static_cast<std::streamoff>(size_));
  return Checked();
}

absl::Status WholeFile::Commit() {
  file_.flush();
  RETURN_IF_ERROR(Checked());
  RETURN_IF_ERROR(SyncFile(temporary_));
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    return absl::UnknownError(absl::StrCat(path_, ": ", std::strerror(errno)));
  }
  file_.close();
  return absl::OkStatus();
}

absl::Status WholeFile::Checked() const {
  if (file_.good()) return absl::OkStatus();
  return absl::UnknownError(absl::StrCat("cannot write ", temporary_, ": ", std::strerror(errno)));
}

}  // namespace paracord
