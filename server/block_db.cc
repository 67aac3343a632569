#include "server/block_db.h"

#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "common/base/daemon.h"
#include "common/base/rocks.h"
#include "common/base/status.h"
#include "common/job/history.h"

namespace paracord {
namespace {

constexpr const char* kIngestPrefix = "ingest-";

enum Kind : char { kWeights = 0, kState1 = 1, kState2 = 2, kAhead = 3, kBehind = 4, kLedger = 5 };

rocksdb::Options DatabaseOptions() {
  rocksdb::BlockBasedTableOptions table;
  table.checksum = rocksdb::kXXH3;
  table.format_version = 5;
  table.no_block_cache = true;  // floats are read once, in bulk
  rocksdb::Options options;
  options.compression = rocksdb::kNoCompression;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.keep_log_file_num = 3;
  return options;
}

void AppendBigEndian(uint64_t value, std::string* out) {
  for (int shift = 56; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}

std::string GenerationKey(char table, const pb::GenerationRecord& record) {
  std::string key(1, table);
  for (const std::string* name : {&record.cluster(), &record.job()}) {
    key += *name;
    key.push_back('\0');
  }
  AppendBigEndian(record.history(), &key);
  AppendBigEndian(record.step(), &key);
  AppendBigEndian(record.ahead(), &key);
  return key;
}

std::string RecordKey(const pb::GenerationRecord& record) {
  std::string key = GenerationKey('G', record);
  AppendBigEndian(record.block_begin(), &key);
  return key;
}

std::string BlockKey(const std::string& prefix, uint64_t block, Kind kind) {
  std::string key = prefix;
  AppendBigEndian(block, &key);
  key.push_back(kind);
  return key;
}

// The floats of a value; `value` is taken over.
std::shared_ptr<const float> Floats(std::string value) {
  const size_t count = value.size() / sizeof(float);
  std::shared_ptr<float> floats(new float[count], std::default_delete<float[]>());
  std::memcpy(floats.get(), value.data(), count * sizeof(float));
  return floats;
}

// Then both of its versions are stored, and which they are goes without saying.
bool OneAhead(const BlockSnapshot& block, uint64_t step) {
  return block.version == step + 1 && block.previous != nullptr;
}

std::shared_ptr<const float> ByKind(const BlockSnapshot& block, uint64_t step, Kind kind) {
  const bool ahead = OneAhead(block, step);
  switch (kind) {
    case kWeights:
      return ahead ? block.previous : block.weights;
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

// In bsp a block has its step's weights, or has them still: that says which version it is.
bool NeedsLedger(const BlockSnapshot& block, uint64_t step) {
  return !block.ahead.empty() || (block.version > step && !OneAhead(block, step));
}

// Numbers as they lie in memory: version, then minibatches.
std::string LedgerValue(const BlockSnapshot& block) {
  std::vector<uint64_t> numbers = {block.version};
  numbers.insert(numbers.end(), block.ahead.begin(), block.ahead.end());
  return std::string(reinterpret_cast<const char*>(numbers.data()),
                     numbers.size() * sizeof(uint64_t));
}

// False: no such value.
bool ReadLedger(const std::string& value, BlockSnapshot* block) {
  std::vector<uint64_t> numbers(value.size() / sizeof(uint64_t));
  if (numbers.empty() || value.size() % sizeof(uint64_t) != 0) return false;
  std::memcpy(numbers.data(), value.data(), value.size());
  block->version = numbers[0];
  block->ahead.assign(numbers.begin() + 1, numbers.end());
  return true;
}

}  // namespace

BlockDb::BlockDb(std::string directory, std::unique_ptr<rocksdb::DB> db)
    : directory_(std::move(directory)), db_(std::move(db)) {}

BlockDb::~BlockDb() = default;

absl::StatusOr<std::unique_ptr<BlockDb>> BlockDb::Open(const std::string& directory) {
  ASSIGN_OR_RETURN(auto db, OpenRocks(DatabaseOptions(), directory));
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {  // of one that died
    const std::string name = entry.path().filename();
    if (name.rfind(kIngestPrefix, 0) == 0) std::remove(entry.path().c_str());
  }
  return std::unique_ptr<BlockDb>(new BlockDb(directory, std::move(db)));
}

// One sorted file, handed to the database.
absl::Status BlockDb::Ingest(const Generation& generation) {
  const std::string file = absl::StrCat(directory_, "/", kIngestPrefix, RandomId(), ".sst");
  // The database links it: the name is ours to drop, whatever comes.
  const absl::Cleanup drop = [&file] { std::remove(file.c_str()); };
  rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), DatabaseOptions());
  RETURN_IF_ERROR(FromRocks(writer.Open(file), file));
  const pb::GenerationRecord& record = generation.record;
  const std::string prefix = GenerationKey('B', record);
  for (const BlockSnapshot& block : generation.blocks) {
    for (const Kind kind : {kWeights, kState1, kState2, kAhead, kBehind}) {
      const auto floats = ByKind(block, record.step(), kind);
      if (floats == nullptr) continue;
      const rocksdb::Slice value(reinterpret_cast<const char*>(floats.get()),
                                 block.floats * sizeof(float));
      RETURN_IF_ERROR(FromRocks(writer.Put(BlockKey(prefix, block.block, kind), value), file));
    }
    if (!NeedsLedger(block, record.step())) continue;
    const std::string ledger = LedgerValue(block);
    RETURN_IF_ERROR(FromRocks(writer.Put(BlockKey(prefix, block.block, kLedger), ledger), file));
  }
  RETURN_IF_ERROR(FromRocks(writer.Finish(), file));
  rocksdb::IngestExternalFileOptions ingest;
  ingest.move_files = true;
  return FromRocks(db_->IngestExternalFile({file}, ingest), file);
}

absl::Status BlockDb::Write(const Generation& generation) {
  const std::string key = RecordKey(generation.record);
  const std::string record = generation.record.SerializeAsString();
  std::string found;
  const rocksdb::Status there = db_->Get({}, key, &found);
  pb::GenerationRecord known;
  if (there.ok() && known.ParseFromString(found) &&
      known.block_end() == generation.record.block_end() &&
      known.bytes() == generation.record.bytes()) {
    return absl::OkStatus();
  }
  if (there.ok()) {
    return absl::DataLossError(absl::StrCat(generation.record.job(), " step ",
                                            generation.record.step(),
                                            " is stored already, with other blocks"));
  }
  if (!there.IsNotFound()) return FromRocks(there, directory_);
  RETURN_IF_ERROR(Ingest(generation));
  rocksdb::WriteOptions synced;
  synced.sync = true;
  return FromRocks(db_->Put(synced, key, record), directory_);
}

absl::StatusOr<std::vector<pb::GenerationRecord>> BlockDb::List() const {
  std::vector<pb::GenerationRecord> out;
  std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator({}));
  for (it->Seek("G"); it->Valid() && it->key().starts_with("G"); it->Next()) {
    pb::GenerationRecord record;
    if (!record.ParseFromArray(it->value().data(), static_cast<int>(it->value().size()))) {
      return absl::DataLossError(
          absl::StrCat(directory_, ": a generation's record does not parse"));
    }
    out.push_back(std::move(record));
  }
  RETURN_IF_ERROR(FromRocks(it->status(), directory_));
  return out;
}

absl::StatusOr<std::vector<BlockSnapshot>> BlockDb::Load(const pb::GenerationRecord& record,
                                                         const BlockGrid& grid) const {
  const std::string prefix = GenerationKey('B', record);
  std::vector<BlockSnapshot> out;
  for (uint64_t block = record.block_begin(); block < record.block_end(); ++block) {
    if (block >= grid.blocks()) {
      return absl::DataLossError(absl::StrCat(record.job(), ": stored block ", block,
                                              " is outside the model's ", grid.blocks()));
    }
    BlockSnapshot snapshot;
    snapshot.block = block;
    snapshot.floats = grid.block(block).floats;
    std::shared_ptr<const float> kinds[5];
    for (const Kind kind : {kWeights, kState1, kState2, kAhead, kBehind}) {
      std::string value;
      const rocksdb::Status status = db_->Get({}, BlockKey(prefix, block, kind), &value);
      if (status.IsNotFound() && kind != kWeights) continue;
      if (!status.ok() || value.size() != snapshot.floats * sizeof(float)) {
        return absl::DataLossError(absl::StrCat(
            record.job(), " step ", record.step(), " block ", block, ": found ", value.size(),
            " bytes, expected ", snapshot.floats * sizeof(float), " ", status.ToString()));
      }
      kinds[kind] = Floats(std::move(value));
    }
    const bool ahead = kinds[kAhead] != nullptr;
    snapshot.version = record.step() + (ahead ? 1 : 0);
    snapshot.weights = ahead ? kinds[kAhead] : kinds[kWeights];
    snapshot.previous = ahead ? kinds[kWeights] : kinds[kBehind];
    snapshot.state1 = kinds[kState1];
    snapshot.state2 = kinds[kState2];
    std::string ledger;
    const rocksdb::Status there = db_->Get({}, BlockKey(prefix, block, kLedger), &ledger);
    if (!there.IsNotFound() && (!there.ok() || !ReadLedger(ledger, &snapshot))) {
      return absl::DataLossError(absl::StrCat(record.job(), " step ", record.step(), " block ",
                                              block, ": found ", ledger.size(),
                                              " bytes, expected a ledger ", there.ToString()));
    }
    out.push_back(std::move(snapshot));
  }
  return out;
}

absl::StatusOr<std::optional<Generation>> BlockDb::LoadNewest(const pb::GenerationRecord& wanted,
                                                              const BlockGrid& grid) const {
  ASSIGN_OR_RETURN(const std::vector<pb::GenerationRecord> records, List());
  const auto progress = [](const pb::GenerationRecord& record) {
    return std::make_pair(record.step(), record.ahead());
  };
  const pb::GenerationRecord* newest = nullptr;
  for (const pb::GenerationRecord& record : records) {
    const bool ours = SameHistory(record, wanted) && record.block_begin() == wanted.block_begin() &&
                      record.block_end() == wanted.block_end();
    if (ours && (newest == nullptr || progress(record) > progress(*newest))) newest = &record;
  }
  if (newest == nullptr) return std::nullopt;
  ASSIGN_OR_RETURN(auto blocks, Load(*newest, grid));
  return Generation{*newest, std::move(blocks)};
}

absl::StatusOr<Payload> BlockDb::Read(const pb::GenerationRecord& wanted) const {
  ASSIGN_OR_RETURN(const std::vector<pb::GenerationRecord> records, List());
  const pb::GenerationRecord* holder = nullptr;
  for (const pb::GenerationRecord& r : records) {
    const bool holds = SameHistory(r, wanted) && r.step() == wanted.step() &&
                       r.block_begin() <= wanted.block_begin() &&
                       wanted.block_end() <= r.block_end();
    if (holds && (holder == nullptr || r.ahead() > holder->ahead())) holder = &r;
  }
  if (holder == nullptr) {
    return absl::NotFoundError(absl::StrCat("blocks [", wanted.block_begin(), ", ",
                                            wanted.block_end(), ") of ", wanted.job(),
                                            " are not stored for step ", wanted.step()));
  }
  const std::string prefix = GenerationKey('B', *holder);
  Payload out;
  for (uint64_t block = wanted.block_begin(); block < wanted.block_end(); ++block) {
    auto value = std::make_shared<std::string>();
    const rocksdb::Status status = db_->Get({}, BlockKey(prefix, block, kWeights), value.get());
    if (!status.ok()) {
      return absl::DataLossError(absl::StrCat(wanted.job(), " step ", wanted.step(), " block ",
                                              block, ": ", status.ToString()));
    }
    out.Append(value->data(), value->size(), value);
  }
  return out;
}

}  // namespace paracord
