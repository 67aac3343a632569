// What one shard wrote of a checkpoint's copy (checkpoint_copy.h): of which job and step, every
// range of bytes with its hash, and the ledgers of ssp and async. A file of
//
//   32 hexadecimal digits, XXH3-128 of what follows the line's end; JSON
//
// All calls block.   [door: nlohmann-json]
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/job/key_range.h"
#include "common/job/state_settings.h"
#include "proto/storage.pb.h"

namespace paracord {

struct CopyManifest {
  BlockRange blocks;  // of the shard
  int states = 0;     // of a weight
  pb::GenerationRecord record;
  std::vector<StateSetting> settings;         // of the job; none: it does not say
  std::map<std::string, std::string> hashes;  // by SpanKey
  // By block, of those that minibatches have changed: version, and minibatches beyond it.
  std::map<uint64_t, std::pair<uint64_t, std::vector<uint64_t>>> ledgers;
};

// "FILE BEGIN END": a range of a file's bytes, half-open.
std::string SpanKey(const std::string& file, uint64_t begin, uint64_t end);

absl::Status WriteManifest(const std::string& folder, size_t shard, size_t shards,
                           const CopyManifest& manifest);

// Of all shards, in block order, from block 0 on. NotFound: the folder has none; the message lists
// the copies in it and beside it. DataLoss: one is missing, has changed, or belongs to another
// copy. InvalidArgument: of another format.
absl::StatusOr<std::vector<CopyManifest>> ReadManifests(const std::string& folder);

}  // namespace paracord
