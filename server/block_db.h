// A server's blocks on disk: generations, each the blocks of one shard as of one step, never
// rewritten; each in a folder of its own (generation_files.h), named
//
//   CLUSTER+JOB+history+step+ahead+first-block          a checkpoint's part
//   CLUSTER+JOB+history+step+ahead+first-block+stopped  what an orderly stop has left
//
// What has no such folder does not exist; what is in the making has another name, and is swept when
// the database is opened. A folder whose record is damaged is kept for people to look at and told
// to nobody.
//
// List, Find and FindHash may be called on any thread; all others block, and are for the storage
// thread; those that are const, for others that may block too.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/job/key_range.h"
#include "proto/storage.pb.h"
#include "server/generation_files.h"

namespace paracord {

class BlockDb {
 public:
  // Creates it if need be. InvalidArgument: that is not possible. AlreadyExists: another process
  // has it open.
  static absl::StatusOr<std::unique_ptr<BlockDb>> Open(const std::string& directory);
  ~BlockDb();

  // Every generation there is.
  std::vector<StoredGeneration> List() const;
  // The one of the same name; nullopt: there is none.
  std::optional<StoredGeneration> Find(const pb::GenerationRecord& wanted) const;
  // The one whose record has this hash; nullopt: there is none.
  std::optional<StoredGeneration> FindHash(const std::string& hash) const;

  // Durable when it returns OK. A generation that exists already is left alone and returned;
  // DataLoss: that is another one. Unavailable: the disk's trouble; nothing is left of it.
  absl::StatusOr<StoredGeneration> Write(const Generation& generation);
  // Nothing is left of it. OK: there was none, too.
  absl::Status Drop(const pb::GenerationRecord& wanted);
  // Reads every byte. NotFound: it is not here. DataLoss: it is not as it was committed.
  absl::Status Verify(const pb::GenerationRecord& wanted, const std::string& hash) const;
  // Blocks of `range` of a generation. Its every byte has been verified. Errors as Verify; DataLoss
  // too: it does not fit the grid.
  absl::StatusOr<std::vector<BlockSnapshot>> Load(const StoredGeneration& generation,
                                                  BlockRange range, const BlockGrid& grid) const;
  // `length` bytes from `offset` on of a file of the generation whose record has this hash; fewer
  // at the file's end. On any thread. NotFound: no such generation, or no such file in it.
  // DataLoss: it cannot be read.
  absl::StatusOr<Payload> ReadFile(const std::string& hash, const std::string& file,
                                   uint64_t offset, uint64_t length) const;
  // A folder that is not there, for what comes from elsewhere and goes again; swept when the
  // database is opened. On any thread.
  std::string PassingFolder();
  // Weights at the step of blocks that `wanted` names, one block after the other. NotFound: no
  // generation holds them all.
  absl::StatusOr<Payload> Read(const pb::GenerationRecord& wanted) const;

 private:
  explicit BlockDb(std::string directory) : directory_(std::move(directory)) {}
  absl::Status Lock();
  absl::Status Scan();
  std::string Folder(const pb::GenerationRecord& record) const;

  const std::string directory_;
  int lock_ = -1;
  std::atomic<uint64_t> passing_{0};
  mutable Mutex mutex_;
  std::vector<StoredGeneration> stored_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace paracord
