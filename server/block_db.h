// A server's blocks on disk: generations, each the blocks of one shard as of one step, never
// rewritten.   [door: RocksDB]
//
//   'B' cluster 0 job 0 history step ahead block kind  -> floats
//   'G' cluster 0 job 0 history step ahead first-block -> pb::GenerationRecord
//
//   kind   0 weights at step, 1 and 2 optimizer's state, 3 weights at step + 1, 4 at step - 1,
//          5 version and minibatches beyond it, of a block that is changed by minibatches: then 0
//          holds its newest weights
//
// (numbers big-endian, so that ranges are ranges.) A generation's floats are written as one sorted
// file and ingested; its record is written last, with a synced log. What has no record does not
// exist. Calls block: for the storage thread alone.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/job/key_range.h"
#include "proto/storage.pb.h"
#include "server/block_store.h"

namespace rocksdb {
class DB;
}

namespace paracord {

// What a block may have beside its weights at the generation's step; a snapshot whose version is
// step + 1 is "ahead".
struct Generation {
  pb::GenerationRecord record;
  std::vector<BlockSnapshot> blocks;  // every block of the record's range, in order
};

class BlockDb {
 public:
  // Creates it if need be. DataLoss: there is something that is no such database. AlreadyExists:
  // another process has it open.
  static absl::StatusOr<std::unique_ptr<BlockDb>> Open(const std::string& directory);
  ~BlockDb();

  // Durable when it returns OK. A generation that exists already is left alone; DataLoss: that is
  // another one.
  absl::Status Write(const Generation& generation);
  // Every generation there is.
  absl::StatusOr<std::vector<pb::GenerationRecord>> List() const;
  // A whole generation, sizes checked against the grid. DataLoss: not what was promised.
  absl::StatusOr<std::vector<BlockSnapshot>> Load(const pb::GenerationRecord& record,
                                                  const BlockGrid& grid) const;
  // Of the generations that hold just the wanted blocks of its history, the furthest; nullopt:
  // there is none.
  absl::StatusOr<std::optional<Generation>> LoadNewest(const pb::GenerationRecord& wanted,
                                                       const BlockGrid& grid) const;
  // Weights at the step of blocks that `wanted` names, one block after the other. NotFound: no
  // generation holds them all.
  absl::StatusOr<Payload> Read(const pb::GenerationRecord& wanted) const;

 private:
  BlockDb(std::string directory, std::unique_ptr<rocksdb::DB> db);
  absl::Status Ingest(const Generation& generation);

  const std::string directory_;
  const std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace paracord
