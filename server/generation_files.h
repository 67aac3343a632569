// One generation in a folder of its own: a small RocksDB that is written once, and a record.
//
//   NUMBER.sst, MANIFEST-..., ...   RocksDB's: big-endian block, kind -> floats
//   record                          XXH3-128 of what follows, 32 hexadecimal digits;
//                                   pb::GenerationRecord, with the hashes of all other files
//
//   kind   0 weights at the record's step, 1 and 2 optimizer's state, 3 weights at step + 1, 4 at
//          step - 1, 5 version and minibatches beyond it, of a block that is changed by
//          minibatches: then 0 holds its newest weights
//
// A database for each, so that damage stays where it is, a full disk harms nothing that is stored
// already, and to drop one is to drop a folder. The floats are written as one sorted file and
// ingested. Whoever has the record's hash can tell each changed byte of every file. All calls
// block.   [door: RocksDB]
#pragma once

#include <memory>
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

inline constexpr const char* kRecordFile = "record";

struct Generation {
  pb::GenerationRecord record;
  std::vector<BlockSnapshot> blocks;  // every block of the record's range, in order
};

// Its weights at `step`: those before, of a block that is one step ahead and has them still; else
// the newest, which are later ones where NeedsLedger.
std::shared_ptr<const float> WeightsAsOf(const BlockSnapshot& block, uint64_t step);
// Which minibatches its weights have does not follow from `step`: its version and list are stored,
// too.
bool NeedsLedger(const BlockSnapshot& block, uint64_t step);

struct StoredGeneration {
  pb::GenerationRecord record;
  std::string hash;  // of the record as it stands in its file
};

// Makes `folder`, which must not be there, and is durable when it returns; on an error nothing is
// left of it. The record that was written: `generation.record` and the files. Unavailable: the
// disk's trouble, as it says.
absl::StatusOr<StoredGeneration> WriteGeneration(const std::string& folder,
                                                 const Generation& generation);

// DataLoss: there is none, or it is damaged.
absl::StatusOr<StoredGeneration> ReadRecord(const std::string& folder);

// Reads every byte. DataLoss: the record is not the one of this hash, or names the file that is
// missing, too long, too short or changed.
absl::Status VerifyGeneration(const std::string& folder, const std::string& hash);

// `length` bytes from `offset` on of a file that the record names, or of the record's own; fewer at
// its end. NotFound: it is none of them. DataLoss: it cannot be read.
absl::StatusOr<Payload> ReadGenerationFile(const std::string& folder,
                                           const pb::GenerationRecord& record,
                                           const std::string& file, uint64_t offset,
                                           uint64_t length);

class GenerationReader {
 public:
  // DataLoss: it cannot be opened.
  static absl::StatusOr<std::unique_ptr<GenerationReader>> Open(const std::string& folder);
  ~GenerationReader();

  const pb::GenerationRecord& record() const { return record_; }
  // Blocks of `range`, which lies within the record's. DataLoss: not what was promised, or not of
  // this grid.
  absl::StatusOr<std::vector<BlockSnapshot>> Blocks(BlockRange range, const BlockGrid& grid) const;
  // Their weights at the record's step, one block after the other.
  absl::StatusOr<Payload> Weights(BlockRange range) const;

 private:
  GenerationReader(pb::GenerationRecord record, std::unique_ptr<rocksdb::DB> db);

  const pb::GenerationRecord record_;
  const std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace paracord
