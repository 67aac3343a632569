// A data file read once from front to back, inflated on the way if it is gzip, hashed as it lies on
// disk.   [door: zlib]
//
// Gzip is told by content (its first two bytes), never by the name; several members in a row are
// one stream. A torn or damaged stream, bytes after it, and a file that changes while it is read
// are InvalidArgument with path and byte. Memory: one chunk, whatever the file. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/sha256.h"
#include "worker/data/dataset_contents.h"
#include "worker/data/file_descriptor.h"

namespace paracord {

class SourceFile {
 public:
  // InvalidArgument if `path` is not a regular file that can be read.
  static absl::StatusOr<std::unique_ptr<SourceFile>> Open(const std::string& path);
  ~SourceFile();

  // Puts the next `size` unpacked bytes at `to` and returns how many; fewer than `size` only at the
  // end.
  absl::StatusOr<size_t> Read(void* to, size_t size);
  // Appends all that is left. Grows with what is really there. ResourceExhausted if it does not fit
  // in memory (CheckFitsInMemory).
  absl::Status ReadAll(std::vector<uint8_t>* bytes);
  // What the file was. Call once, when Read has met the end.
  absl::StatusOr<FileIdentity> Identity();

  const std::string& path() const { return identity_.path; }
  bool compressed() const { return inflater_ != nullptr; }
  uint64_t bytes() const { return identity_.bytes; }  // on disk
  uint64_t offset() const { return offset_; }         // unpacked bytes handed out so far
  // An upper bound of the unpacked bytes in all.
  uint64_t capacity() const;

 private:
  struct Inflater;

  SourceFile() = default;
  // Reads the next chunk if the last one is used up; none is left at the end of the file.
  absl::Status Fill();
  absl::StatusOr<size_t> Copy(char* to, size_t size);
  absl::StatusOr<size_t> Inflate(char* to, size_t size);
  // Feeds zlib once. Returns the bytes it gave.
  absl::StatusOr<size_t> InflateChunk(char* to, size_t size);
  absl::Status Error(const std::string& what) const;  // with path and the byte on disk

  FileDescriptor file_;
  FileIdentity identity_;
  Sha256 hash_;
  std::vector<char> chunk_;
  size_t begin_ = 0, end_ = 0;  // of what is left in chunk_
  uint64_t read_ = 0;           // bytes on disk up to end_
  uint64_t offset_ = 0;
  std::unique_ptr<Inflater> inflater_;  // null: not compressed
};

// stat() as a FileIdentity without its hash; InvalidArgument if there is no regular file.
absl::StatusOr<FileIdentity> StatFile(const std::string& path);

}  // namespace paracord
