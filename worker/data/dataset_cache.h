// Decoded data sets on disk, so that a data set is parsed once a host and its memory is shared by
// all tasks there: one file each (drawn in cache_header.h), mapped read-only.
//
// A file is trusted only if it is whole and undamaged, was made for the same spec, and its sources
// still have the path, size and modification time it was made from. Any number of processes may
// open and write at once: a writer fills a temporary file, syncs it and renames it into place, so a
// reader sees a whole file or none. Stateless, any thread.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "worker/data/dataset_contents.h"

namespace paracord {

class DatasetCache {
 public:
  // `directory` is made by Write if it is not there.
  DatasetCache(const DatasetSpec& spec, const std::string& directory);

  // Reads the whole file once. NotFound: no file, or its sources have changed. InvalidArgument: it
  // is there, but torn, damaged or foreign.
  absl::StatusOr<DatasetContents> Open() const;
  // Replaces whatever is there. `data` was decoded from this cache's spec.
  absl::Status Write(const DecodedData& data) const;

  const std::string& path() const { return path_; }

 private:
  std::string directory_;
  std::string key_;
  std::string path_;
};

}  // namespace paracord
