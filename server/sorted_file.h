// RocksDB's sorted file, for a database to take in as it is: written past the page cache and hashed
// on the way, so that nobody has to read it again to know its hash.   [door: RocksDB]
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/storage.pb.h"

namespace rocksdb {
struct Options;
}

namespace paracord {

class SortedFile {
 public:
  // Unavailable, here and below: the disk's trouble, as it says.
  static absl::StatusOr<std::unique_ptr<SortedFile>> Create(const std::string& path,
                                                            const rocksdb::Options& options);
  ~SortedFile();

  // Keys ascend.
  absl::Status Put(const std::string& key, const void* value, size_t size);
  // At least one value has been put. Durable when it returns OK: its size and hash.
  absl::StatusOr<pb::StoredFile> Finish();

 private:
  class Files;
  struct Writer;
  explicit SortedFile(std::unique_ptr<Writer> writer);

  const std::unique_ptr<Writer> writer_;
};

}  // namespace paracord
