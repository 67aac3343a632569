// A file that is there when all of it is written, or not at all: bytes go to PATH.PID.new, and
// Commit gives it its name. Dropped before that, it leaves nothing behind. One thread.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace paracord {

class WholeFile {
 public:
  // A link at `path` stays, and the file that it leads to is replaced.
  explicit WholeFile(const std::string& path);
  ~WholeFile();
  // Where this process writes the bytes of `path` until Commit: for who ends it by a signal.
  static std::string TemporaryPath(const std::string& path);
  WholeFile(const WholeFile&) = delete;
  WholeFile& operator=(const WholeFile&) = delete;

  // Once, before anything is written. InvalidArgument: what has this name is no file. Unknown: the
  // disk's trouble, as it says; so for the others.
  absl::Status Open();
  absl::Status Append(std::string_view bytes);
  // Bytes that were appended before.
  absl::Status Replace(uint64_t at, std::string_view bytes);
  uint64_t size() const { return size_; }
  // Synced and renamed; nothing can be written any more.
  absl::Status Commit();

 private:
  absl::Status Checked() const;

  const std::string path_;
  const std::string temporary_;
  std::ofstream file_;
  uint64_t size_ = 0;
};

}  // namespace paracord
