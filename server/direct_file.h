// A file written from front to back past the page cache, and hashed on the way: while one half of
// its buffer goes to the disk, the other is filled. Where the file system has no direct access, it
// goes through the cache. Not safe for several threads at once.
//
// Source: open(2), O_DIRECT: addresses, sizes and offsets are multiples of the block size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/fast_hash.h"
#include "server/storage_thread.h"

namespace paracord {

class DirectFile {
 public:
  // Unavailable: the disk's trouble, as it says. A file that is there already is emptied.
  static absl::StatusOr<std::unique_ptr<DirectFile>> Create(const std::string& path);
  ~DirectFile();
  DirectFile(const DirectFile&) = delete;
  DirectFile& operator=(const DirectFile&) = delete;

  // Copies `data`. Unavailable: this or an earlier part could not be written.
  absl::Status Append(const void* data, size_t size);
  // Everything is durable when it returns OK; nothing can be appended any more.
  absl::Status Finish();

  uint64_t bytes() const { return bytes_; }
  // Of the whole file, once it is finished.
  std::string Hash() const { return hash_.Hex(); }

 private:
  struct Free {
    void operator()(char* p) const { std::free(p); }
  };

  DirectFile(std::string path, int file);
  absl::Status Trouble(const char* what) const;
  absl::Status WriteAll(const char* data, size_t size, uint64_t at);
  void StartWriting(size_t padded);
  absl::Status EndWriting();

  const std::string path_;
  const int file_;
  std::unique_ptr<char, Free> halves_[2];
  size_t filling_ = 0;  // which half
  size_t filled_ = 0;   // bytes of it
  uint64_t bytes_ = 0;
  bool finished_ = false;
  absl::Status status_;
  FastHash hash_;                      // while `writing_` is valid, the writer's
  std::future<absl::Status> writing_;  // of the other half
  StorageThread writer_;               // last: it uses the rest
};

}  // namespace paracord
