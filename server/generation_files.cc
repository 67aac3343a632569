#include "server/generation_files.h"

#include <fcntl.h>
#include <rocksdb/table.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "common/base/daemon.h"
#include "common/base/fast_hash.h"
#include "common/base/rocks.h"
#include "common/base/status.h"
#include "server/folder.h"
#include "server/sorted_file.h"

namespace paracord {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSorted = ".sst";
constexpr const char* kSortedFile = "blocks.sst";  // until it is ingested
constexpr size_t kHashDigits = 32;
constexpr size_t kReadAhead = 4 << 20;

enum Kind : char { kWeights = 0, kState1 = 1, kState2 = 2, kAhead = 3, kBehind = 4, kLedger = 5 };
constexpr Kind kFloatKinds[] = {kWeights, kState1, kState2, kAhead, kBehind};

// What RocksDB has to say for itself is no part of a generation.
class NoLog : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

rocksdb::Options DatabaseOptions() {
  rocksdb::BlockBasedTableOptions table;
  table.checksum = rocksdb::kXXH3;
  table.format_version = 5;
  table.no_block_cache = true;  // floats are read once, in bulk
  rocksdb::Options options;
  options.compression = rocksdb::kNoCompression;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.info_log = std::make_shared<NoLog>();
  options.max_background_jobs = 1;
  options.disable_auto_compactions = true;
  // Nothing is ever put into it but the sorted file: no room is held for more.
  options.write_buffer_size = 64 << 10;
  options.manifest_preallocation_size = 16 << 10;
  options.stats_dump_period_sec = options.stats_persist_period_sec = 0;
  return options;
}

std::string BlockKey(uint64_t block, Kind kind) {
  std::string key;
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(block >> shift));
  key.push_back(kind);
  return key;
}

// Then both of its versions are stored, and which they are goes without saying.
bool OneAhead(const BlockSnapshot& block, uint64_t step) {
  return block.version == step + 1 && block.previous != nullptr && block.ahead.empty();
}

std::shared_ptr<const float> ByKind(const BlockSnapshot& block, uint64_t step, Kind kind) {
  const bool ahead = OneAhead(block, step);
  switch (kind) {
    case kWeights:
      return WeightsAsOf(block, step);
    case kState1:
      return block.state1;
    case kState2:
      return block.state2;
    case kAhead:
      return ahead ? block.weights : nullptr;
    case kBehind:
      return ahead ? nullptr : block.previous;
    case kLedger:
      break;
  }
  return nullptr;
}

// Numbers as they lie in memory: version, then minibatches.
std::string LedgerValue(const BlockSnapshot& block) {
  std::vector<uint64_t> numbers = {block.version};
  numbers.insert(numbers.end(), block.ahead.begin(), block.ahead.end());
  return std::string(reinterpret_cast<const char*>(numbers.data()),
                     numbers.size() * sizeof(uint64_t));
}

// False: no such value.
bool ReadLedger(const rocksdb::Slice& value, BlockSnapshot* block) {
  std::vector<uint64_t> numbers(value.size() / sizeof(uint64_t));
  if (numbers.empty() || value.size() % sizeof(uint64_t) != 0) return false;
  std::memcpy(numbers.data(), value.data(), value.size());
  block->version = numbers[0];
  block->ahead.assign(numbers.begin() + 1, numbers.end());
  return true;
}

// Size and hash of the file. At least one block.
absl::StatusOr<pb::StoredFile> WriteSorted(const std::string& path, const Generation& generation) {
  ASSIGN_OR_RETURN(const auto file, SortedFile::Create(path, DatabaseOptions()));
  const uint64_t step = generation.record.step();
  for (const BlockSnapshot& block : generation.blocks) {
    for (const Kind kind : kFloatKinds) {
      const auto floats = ByKind(block, step, kind);
      if (floats == nullptr) continue;
      const size_t bytes = block.floats * sizeof(float);
      RETURN_IF_ERROR(file->Put(BlockKey(block.block, kind), floats.get(), bytes));
    }
    if (!NeedsLedger(block, step)) continue;
    const std::string ledger = LedgerValue(block);
    RETURN_IF_ERROR(file->Put(BlockKey(block.block, kLedger), ledger.data(), ledger.size()));
  }
  return file->Finish();
}

// The sorted file as it was written; nothing: there is none, as there are no blocks. The database
// is made meanwhile: its small files are synced one by one, which is a tenth of the time.
absl::StatusOr<pb::StoredFile> WriteDatabase(const std::string& folder,
                                             const Generation& generation) {
  const std::string path = absl::StrCat(folder, "/", kSortedFile);
  auto opening =
      std::async(std::launch::async, [&folder] { return OpenRocks(DatabaseOptions(), folder); });
  pb::StoredFile sorted;
  if (!generation.blocks.empty()) {  // a sorted file is never empty
    ASSIGN_OR_RETURN(sorted, WriteSorted(path, generation));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<rocksdb::DB> db, opening.get());
  if (!generation.blocks.empty()) {
    rocksdb::IngestExternalFileOptions ingest;
    ingest.move_files = true;
    ingest.write_global_seqno = false;  // no byte of it changes
    RETURN_IF_ERROR(FromRocks(db->IngestExternalFile({path}, ingest), path));
  }
  RETURN_IF_ERROR(FromRocks(db->Close(), folder));
  std::error_code ignored;
  fs::remove(path, ignored);                           // the database has linked it
  fs::remove(absl::StrCat(folder, "/LOCK"), ignored);  // nobody opens it for writing again
  return sorted;
}

// All files of the folder but the record, by name. `sorted`: what is known of the one.
absl::Status ListFiles(const std::string& folder, const pb::StoredFile& sorted,
                       pb::GenerationRecord* record) {
  std::error_code error;
  record->clear_files();
  for (const fs::path& path : ListFolder(folder, &error)) {
    if (path.filename() == kRecordFile) continue;
    pb::StoredFile* file = record->add_files();
    if (path.extension() == kSorted) {
      *file = sorted;
    } else {
      RETURN_IF_ERROR(SyncPath(path));
      file->set_bytes(fs::file_size(path, error));
      ASSIGN_OR_RETURN(*file->mutable_hash(), FastHashOfFile(path));
    }
    file->set_name(path.filename());
  }
  if (error) return absl::UnavailableError(absl::StrCat(folder, ": ", error.message()));
  return absl::OkStatus();
}

absl::StatusOr<StoredGeneration> WriteRecord(const std::string& folder,
                                             const pb::GenerationRecord& record) {
  const std::string bytes = record.SerializeAsString();
  const std::string hash = FastHashOf(bytes);
  const std::string path = absl::StrCat(folder, "/", kRecordFile);
  RETURN_IF_ERROR(WriteFileAtomically(path, hash + bytes));
  RETURN_IF_ERROR(SyncPath(path));
  RETURN_IF_ERROR(SyncPath(folder));
  return StoredGeneration{record, hash};
}

absl::StatusOr<StoredGeneration> WriteAll(const std::string& folder, const Generation& generation) {
  ASSIGN_OR_RETURN(const pb::StoredFile sorted, WriteDatabase(folder, generation));
  pb::GenerationRecord record = generation.record;
  RETURN_IF_ERROR(ListFiles(folder, sorted, &record));
  return WriteRecord(folder, record);
}

absl::Status Damaged(const std::string& folder, const std::string& what) {
  return absl::DataLossError(absl::StrCat(fs::path(folder).filename().string(), ": ", what));
}

}  // namespace

std::shared_ptr<const float> WeightsAsOf(const BlockSnapshot& block, uint64_t step) {
  return OneAhead(block, step) ? block.previous : block.weights;
}

// In bsp a block has its step's weights, or has them still: that says which version it is.
bool NeedsLedger(const BlockSnapshot& block, uint64_t step) {
  return !block.ahead.empty() || (block.version > step && !OneAhead(block, step));
}

// Under another name until it is whole.
absl::StatusOr<StoredGeneration> WriteGeneration(const std::string& folder,
                                                 const Generation& generation) {
  const fs::path whole(folder);
  const std::string part = whole.parent_path() / ("part-" + whole.filename().string());
  std::error_code error;
  fs::remove_all(part, error);
  absl::Cleanup drop = [&part] {
    std::error_code ignored;
    fs::remove_all(part, ignored);
  };
  if (fs::create_directory(part, error); error) {
    return absl::UnavailableError(absl::StrCat("cannot create ", part, ": ", error.message()));
  }
  auto stored = WriteAll(part, generation);
  if (!stored.ok()) return absl::UnavailableError(stored.status().message());
  fs::rename(part, whole, error);
  if (error) {
    return absl::UnavailableError(absl::StrCat("cannot rename ", part, ": ", error.message()));
  }
  std::move(drop).Cancel();
  RETURN_IF_ERROR(SyncPath(whole.parent_path()));
  return stored;
}

absl::StatusOr<StoredGeneration> ReadRecord(const std::string& folder) {
  const auto text = ReadFile(absl::StrCat(folder, "/", kRecordFile));
  if (!text.ok()) return Damaged(folder, std::string(text.status().message()));
  StoredGeneration stored;
  stored.hash = text->substr(0, kHashDigits);
  const std::string bytes = text->substr(std::min(text->size(), kHashDigits));
  if (FastHashOf(bytes) != stored.hash || !stored.record.ParseFromString(bytes)) {
    return Damaged(folder, "the record's bytes have changed");
  }
  return stored;
}

absl::Status VerifyGeneration(const std::string& folder, const std::string& hash) {
  ASSIGN_OR_RETURN(const StoredGeneration stored, ReadRecord(folder));
  if (stored.hash != hash) {
    return Damaged(folder,
                   absl::StrCat("found a record of hash ", stored.hash, ", committed was ", hash));
  }
  for (const pb::StoredFile& file : stored.record.files()) {
    const std::string path = absl::StrCat(folder, "/", file.name());
    std::error_code error;
    const uint64_t bytes = fs::file_size(path, error);
    if (error) return Damaged(folder, absl::StrCat(file.name(), ": ", error.message()));
    if (bytes != file.bytes()) {
      return Damaged(
          folder, absl::StrCat(file.name(), ": found ", bytes, " bytes, expected ", file.bytes()));
    }
    const auto found = FastHashOfFile(path);
    if (!found.ok()) return Damaged(folder, std::string(found.status().message()));
    if (*found != file.hash()) {
      return Damaged(folder, absl::StrCat(file.name(), ": its bytes have changed"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Payload> ReadGenerationFile(const std::string& folder,
                                           const pb::GenerationRecord& record,
                                           const std::string& file, uint64_t offset,
                                           uint64_t length) {
  const bool named =
      file == kRecordFile || std::any_of(record.files().begin(), record.files().end(),
                                         [&](const auto& each) { return each.name() == file; });
  if (!named) return absl::NotFoundError(absl::StrCat("the record names no file '", file, "'"));
  const std::string path = absl::StrCat(folder, "/", file);
  const int opened = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const absl::Cleanup close_file = [opened] {
    if (opened >= 0) close(opened);
  };
  auto bytes = std::make_shared<std::string>(length, '\0');
  size_t filled = 0;
  while (opened >= 0 && filled < length) {
    const ssize_t got =
        pread(opened, bytes->data() + filled, length - filled, static_cast<off_t>(offset + filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Damaged(folder, absl::StrCat(file, ": ", std::strerror(errno)));
    if (got == 0) break;
    filled += static_cast<size_t>(got);
  }
  if (opened < 0) return Damaged(folder, absl::StrCat(file, ": ", std::strerror(errno)));
  Payload payload;
  if (filled > 0) payload.Append(bytes->data(), filled, bytes);
  return payload;
}

GenerationReader::GenerationReader(pb::GenerationRecord record, std::unique_ptr<rocksdb::DB> db)
    : record_(std::move(record)), db_(std::move(db)) {}

GenerationReader::~GenerationReader() = default;

absl::StatusOr<std::unique_ptr<GenerationReader>> GenerationReader::Open(
    const std::string& folder) {
  ASSIGN_OR_RETURN(StoredGeneration stored, ReadRecord(folder));
  rocksdb::DB* db = nullptr;
  const rocksdb::Status opened = rocksdb::DB::OpenForReadOnly(DatabaseOptions(), folder, &db);
  if (!opened.ok()) return Damaged(folder, opened.ToString());
  return std::unique_ptr<GenerationReader>(
      new GenerationReader(std::move(stored.record), std::unique_ptr<rocksdb::DB>(db)));
}

namespace {

// One value of a block as it was stored. False: it cannot be one.
bool Take(const rocksdb::Slice& value, Kind kind, BlockSnapshot* block,
          std::shared_ptr<const float> (&kinds)[5]) {
  if (kind == kLedger) return ReadLedger(value, block);
  if (kind < 0 || kind > kBehind || value.size() != block->floats * sizeof(float)) return false;
  std::shared_ptr<float> floats(new float[block->floats], std::default_delete<float[]>());
  std::memcpy(floats.get(), value.data(), value.size());
  kinds[kind] = std::move(floats);
  return true;
}

}  // namespace

absl::StatusOr<std::vector<BlockSnapshot>> GenerationReader::Blocks(BlockRange range,
                                                                    const BlockGrid& grid) const {
  const auto wrong = [&](uint64_t block, const std::string& what) {
    return absl::DataLossError(
        absl::StrCat(record_.job(), " step ", record_.step(), " block ", block, ": ", what));
  };
  rocksdb::ReadOptions options;
  options.readahead_size = kReadAhead;
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options));
  it->Seek(BlockKey(range.begin, kWeights));
  std::vector<BlockSnapshot> out;
  for (uint64_t block = range.begin; block < range.end; ++block) {
    if (block >= grid.blocks()) {
      return wrong(block, absl::StrCat("is outside the model's ", grid.blocks(), " blocks"));
    }
    BlockSnapshot snapshot;
    snapshot.block = block;
    snapshot.floats = grid.block(block).floats;
    const std::string prefix = BlockKey(block, kWeights).substr(0, sizeof(uint64_t));
    std::shared_ptr<const float> kinds[5];
    snapshot.version = UINT64_MAX;  // as no ledger says
    for (; it->Valid() && it->key().starts_with(prefix); it->Next()) {
      if (it->key().size() == prefix.size() + 1 &&
          Take(it->value(), static_cast<Kind>(it->key()[prefix.size()]), &snapshot, kinds)) {
        continue;
      }
      return wrong(block, absl::StrCat("found ", it->value().size(), " bytes, expected ",
                                       snapshot.floats * sizeof(float)));
    }
    if (!it->status().ok()) return wrong(block, it->status().ToString());
    if (kinds[kWeights] == nullptr) return wrong(block, "its weights are not there");
    const bool ahead = kinds[kAhead] != nullptr;
    if (snapshot.version == UINT64_MAX) snapshot.version = record_.step() + (ahead ? 1 : 0);
    snapshot.weights = ahead ? kinds[kAhead] : kinds[kWeights];
    snapshot.previous = ahead ? kinds[kWeights] : kinds[kBehind];
    snapshot.state1 = kinds[kState1];
    snapshot.state2 = kinds[kState2];
    out.push_back(std::move(snapshot));
  }
  return out;
}

absl::StatusOr<Payload> GenerationReader::Weights(BlockRange range) const {
  Payload out;
  for (uint64_t block = range.begin; block < range.end; ++block) {
    auto value = std::make_shared<std::string>();
    const rocksdb::Status status = db_->Get({}, BlockKey(block, kWeights), value.get());
    if (!status.ok()) {
      return absl::DataLossError(absl::StrCat(record_.job(), " step ", record_.step(), " block ",
                                              block, ": ", status.ToString()));
    }
    out.Append(value->data(), value->size(), value);
  }
  return out;
}

}  // namespace paracord
