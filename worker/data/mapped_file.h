// A whole file mapped read-only: processes that map the same one share its memory.   [door: mmap]
//
// The mapping outlives the file's name: a rename over it changes nothing here. Files that are
// mapped must never be truncated or written in place (the kernel answers a read beyond the end with
// SIGBUS). Immutable, any thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace paracord {

class MappedFile {
 public:
  // NotFound if there is no such file; InvalidArgument if it is empty, no regular file, or cannot
  // be mapped.
  static absl::StatusOr<std::shared_ptr<const MappedFile>> Open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const char* data() const { return data_; }  // begins a page
  size_t size() const { return size_; }       // at least 1

 private:
  MappedFile(const char* data, size_t size) : data_(data), size_(size) {}

  const char* data_;
  size_t size_;
};

}  // namespace paracord
