// Opening a RocksDB database, and what its errors mean here. In a header, so that only those who
// have a database need the library.   [door: RocksDB]
#pragma once

#include <rocksdb/db.h>

#include <filesystem>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace paracord {

// DataLoss: what is there is damaged; Unavailable: any other trouble with the disk.
inline absl::Status FromRocks(const rocksdb::Status& status, const std::string& what) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = absl::StrCat(what, ": ", status.ToString());
  if (status.IsNotFound()) return absl::NotFoundError(message);
  if (status.IsCorruption()) return absl::DataLossError(message);
  return absl::UnavailableError(message);
}

// Creates the directory if need be. AlreadyExists: a process has the database open.
inline absl::StatusOr<std::unique_ptr<rocksdb::DB>> OpenRocks(rocksdb::Options options,
                                                              const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot create ", directory, ": ", error.message()));
  }
  options.create_if_missing = true;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options, directory, &db);
  const std::string text = status.ToString();
  // Of another process, or of this one. No other trouble with the file is called so.
  if (text.find("While lock file") != std::string::npos ||
      text.find("lock hold by current process") != std::string::npos) {
    return absl::AlreadyExistsError(
        absl::StrCat("directory ", directory, " is in use by another process: ", text));
  }
  if (!status.ok()) return FromRocks(status, absl::StrCat("cannot open ", directory));
  return std::unique_ptr<rocksdb::DB>(db);
}

}  // namespace paracord
