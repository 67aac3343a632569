#include "server/block_db.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "common/base/log.h"
#include "common/base/status.h"
#include "common/job/history.h"
#include "server/folder.h"

namespace paracord {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPart = "part-";  // of generation_files, and of what is being dropped

std::string NameOf(const pb::GenerationRecord& record) {
  return absl::StrCat(PlainName(record.cluster()), "+", PlainName(record.job()), "+",
                      record.history(), "+", record.step(), "+", record.ahead(), "+",
                      record.block_begin(),
                      record.stopped() > 0 ? absl::StrCat("+", record.stopped()) : "");
}

bool Same(const pb::GenerationRecord& a, const pb::GenerationRecord& b) {
  return SameHistory(a, b) && a.step() == b.step() && a.ahead() == b.ahead() &&
         a.block_begin() == b.block_begin() && a.stopped() == b.stopped();
}

std::string Describe(const pb::GenerationRecord& wanted) {
  return absl::StrCat("step ", wanted.step(), " of ", wanted.job(), " from block ",
                      wanted.block_begin(), " on");
}

}  // namespace

absl::StatusOr<std::unique_ptr<BlockDb>> BlockDb::Open(const std::string& directory) {
  std::unique_ptr<BlockDb> db(new BlockDb(directory));
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot create ", directory, ": ", error.message()));
  }
  RETURN_IF_ERROR(db->Lock());
  RETURN_IF_ERROR(db->Scan());
  return db;
}

BlockDb::~BlockDb() {
  if (lock_ >= 0) close(lock_);
}

absl::Status BlockDb::Lock() {
  const std::string path = directory_ + "/lock";
  lock_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_ < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot create ", path, ": ", std::strerror(errno)));
  }
  if (flock(lock_, LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  return absl::AlreadyExistsError(
      absl::StrCat("directory ", directory_, " is in use by another process"));
}

absl::Status BlockDb::Scan() {
  std::error_code error;
  const std::vector<fs::path> found_here = ListFolder(directory_, &error);
  if (error) return absl::UnavailableError(absl::StrCat(directory_, ": ", error.message()));
  MutexLock lock(mutex_);
  for (const fs::path& folder : found_here) {
    if (!fs::is_directory(folder, error)) continue;
    const std::string name = folder.filename();
    if (name.rfind(kPart, 0) == 0) {  // of one that died
      fs::remove_all(folder, error);
      continue;
    }
    auto found = ReadRecord(folder);
    if (found.ok() && NameOf(found->record) != name) {
      found = absl::DataLossError(absl::StrCat(name, ": its record belongs to another folder"));
    }
    if (found.ok()) {
      stored_.push_back(*std::move(found));
    } else {
      LogError("a stored generation is damaged and counts as lost: ", found.status().message());
    }
  }
  return absl::OkStatus();
}

std::string BlockDb::Folder(const pb::GenerationRecord& record) const {
  return absl::StrCat(directory_, "/", NameOf(record));
}

std::vector<StoredGeneration> BlockDb::List() const {
  MutexLock lock(mutex_);
  return stored_;
}

std::optional<StoredGeneration> BlockDb::Find(const pb::GenerationRecord& wanted) const {
  MutexLock lock(mutex_);
  for (const StoredGeneration& stored : stored_) {
    if (Same(stored.record, wanted)) return stored;
  }
  return std::nullopt;
}

std::optional<StoredGeneration> BlockDb::FindHash(const std::string& hash) const {
  MutexLock lock(mutex_);
  for (const StoredGeneration& stored : stored_) {
    if (stored.hash == hash) return stored;
  }
  return std::nullopt;
}

absl::StatusOr<StoredGeneration> BlockDb::Write(const Generation& generation) {
  if (auto known = Find(generation.record); known.has_value()) {
    if (known->record.block_end() == generation.record.block_end() &&
        known->record.bytes() == generation.record.bytes()) {
      return *std::move(known);
    }
    return absl::DataLossError(
        absl::StrCat(Describe(generation.record), " is stored already, with other blocks"));
  }
  // A damaged one that nobody was told of makes room.
  std::error_code ignored;
  fs::remove_all(Folder(generation.record), ignored);
  ASSIGN_OR_RETURN(StoredGeneration stored, WriteGeneration(Folder(generation.record), generation));
  MutexLock lock(mutex_);
  return stored_.emplace_back(std::move(stored));
}

absl::Status BlockDb::Drop(const pb::GenerationRecord& wanted) {
  {
    MutexLock lock(mutex_);
    std::erase_if(stored_, [&](const auto& stored) { return Same(stored.record, wanted); });
  }
  const std::string folder = Folder(wanted), going = absl::StrCat(directory_, "/", kPart, "drop");
  std::error_code error;
  fs::remove_all(going, error);
  fs::rename(folder, going, error);
  if (error == std::errc::no_such_file_or_directory) return absl::OkStatus();
  if (!error) fs::remove_all(going, error);
  if (error) return absl::UnavailableError(absl::StrCat(folder, ": ", error.message()));
  return absl::OkStatus();
}

absl::Status BlockDb::Verify(const pb::GenerationRecord& wanted, const std::string& hash) const {
  auto stored = FindHash(hash);
  if (!stored.has_value()) stored = Find(wanted);
  if (!stored.has_value()) {
    return absl::NotFoundError(absl::StrCat(Describe(wanted), " is not stored here"));
  }
  return VerifyGeneration(Folder(stored->record), hash);
}

absl::StatusOr<std::vector<BlockSnapshot>> BlockDb::Load(const StoredGeneration& generation,
                                                         BlockRange range,
                                                         const BlockGrid& grid) const {
  RETURN_IF_ERROR(Verify(generation.record, generation.hash));
  ASSIGN_OR_RETURN(const auto reader, GenerationReader::Open(Folder(generation.record)));
  return reader->Blocks(range, grid);
}

absl::StatusOr<Payload> BlockDb::ReadFile(const std::string& hash, const std::string& file,
                                          uint64_t offset, uint64_t length) const {
  const auto stored = FindHash(hash);
  if (!stored.has_value()) {
    return absl::NotFoundError(absl::StrCat("no generation of hash ", hash, " is stored here"));
  }
  return ReadGenerationFile(Folder(stored->record), stored->record, file, offset, length);
}

std::string BlockDb::PassingFolder() {
  return absl::StrCat(directory_, "/", kPart, "passing-", ++passing_);
}

absl::StatusOr<Payload> BlockDb::Read(const pb::GenerationRecord& wanted) const {
  std::optional<StoredGeneration> holder;
  for (const StoredGeneration& stored : List()) {
    const pb::GenerationRecord& r = stored.record;
    const bool holds = SameHistory(r, wanted) && r.step() == wanted.step() &&
                       r.block_begin() <= wanted.block_begin() &&
                       wanted.block_end() <= r.block_end();
    if (holds && (!holder.has_value() || r.ahead() > holder->record.ahead())) holder = stored;
  }
  if (!holder.has_value()) {
    return absl::NotFoundError(absl::StrCat("blocks [", wanted.block_begin(), ", ",
                                            wanted.block_end(), ") of ", wanted.job(),
                                            " are not stored for step ", wanted.step()));
  }
  ASSIGN_OR_RETURN(const auto reader, GenerationReader::Open(Folder(holder->record)));
  return reader->Weights({wanted.block_begin(), wanted.block_end()});
}

}  // namespace paracord
