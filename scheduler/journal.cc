#include "scheduler/journal.h"

#include <rocksdb/db.h>

#include <utility>

#include "common/base/rocks.h"
#include "common/base/status.h"

namespace paracord {
namespace {

//   key            value
//   "cluster"      ClusterRecord
//   "job/" id      JobRecord, whole
constexpr const char* kClusterKey = "cluster";
constexpr const char* kJobPrefix = "job/";

class RocksJournal : public Journal {
 public:
  explicit RocksJournal(std::unique_ptr<rocksdb::DB> db) : db_(std::move(db)) {}

  absl::StatusOr<Contents> Load() override {
    Contents contents;
    rocksdb::ReadOptions options;
    std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options));
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      RETURN_IF_ERROR(LoadOne(it->key().ToString(), it->value().ToString(), contents));
    }
    RETURN_IF_ERROR(FromRocks(it->status(), "the journal"));
    if (!contents.cluster.has_value() && !contents.jobs.empty()) {
      return absl::DataLossError("the journal has jobs but no 'cluster'");
    }
    return contents;
  }

  absl::Status Write(const pb::ClusterRecord& cluster) override {
    return Put(kClusterKey, cluster.SerializeAsString());
  }

  absl::Status Write(const pb::JobRecord& job) override {
    return Put(kJobPrefix + job.job().id(), job.SerializeAsString());
  }

 private:
  static absl::Status LoadOne(const std::string& key, const std::string& value,
                              Contents& contents) {
    bool good = false;
    if (key == kClusterKey) {
      good = contents.cluster.emplace().ParseFromString(value);
    } else if (key.rfind(kJobPrefix, 0) == 0) {
      pb::JobRecord& job = contents.jobs.emplace_back();
      good = job.ParseFromString(value) && kJobPrefix + job.job().id() == key;
    }
    if (good) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat("the journal's record '", key, "' cannot be read"));
  }

  absl::Status Put(const std::string& key, const std::string& value) {
    rocksdb::WriteOptions options;
    options.sync = true;
    return FromRocks(db_->Put(options, key, value), absl::StrCat("writing '", key, "'"));
  }

  const std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Journal>> OpenJournal(const std::string& directory) {
  rocksdb::Options options;
  options.write_buffer_size = 4 << 20;
  options.max_open_files = 64;
  options.keep_log_file_num = 2;
  options.info_log_level = rocksdb::WARN_LEVEL;
  ASSIGN_OR_RETURN(auto db, OpenRocks(options, directory + "/journal"));
  return std::make_unique<RocksJournal>(std::move(db));
}

}  // namespace paracord
