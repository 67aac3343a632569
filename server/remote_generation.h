// A part of a checkpoint that another server has: fetched file by file into a folder of this
// server, read from there like an own one, and gone with this object.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/rpc/shard.h"
#include "proto/job.pb.h"

namespace paracord {

// To a server, by its HOST:PORT. Any thread.
using PeerServers = std::function<std::unique_ptr<Shard>(const std::string& address)>;

class FetchedGeneration {
 public:
  // Every byte has been verified when it returns OK. Blocks, for a lane: asks again for two seconds
  // while nobody is there, and gives up a server that says nothing for five. NotFound: it has no
  // such part. DataLoss: what it sent is not that part. Unavailable: it does not answer, or this
  // disk has no room.
  static absl::StatusOr<std::unique_ptr<FetchedGeneration>> Fetch(Shard& from,
                                                                  const pb::StoredShard& part,
                                                                  const std::string& folder);
  ~FetchedGeneration();
  FetchedGeneration(const FetchedGeneration&) = delete;
  FetchedGeneration& operator=(const FetchedGeneration&) = delete;

  const std::string& folder() const { return folder_; }

 private:
  explicit FetchedGeneration(std::string folder) : folder_(std::move(folder)) {}

  const std::string folder_;
};

}  // namespace paracord
