#include "server/sorted_file.h"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/sst_file_writer.h>

#include <utility>

#include "common/base/rocks.h"
#include "common/base/status.h"
#include "server/direct_file.h"

namespace paracord {
namespace {

constexpr size_t kSmallWrites = 16 << 10;  // what is larger is not gathered by RocksDB, too

rocksdb::IOStatus ToRocks(const absl::Status& status) {
  if (status.ok()) return rocksdb::IOStatus::OK();
  return rocksdb::IOStatus::IOError(std::string(status.message()));
}

// Of the file that lives longer.
class DirectWritable : public rocksdb::FSWritableFile {
 public:
  explicit DirectWritable(DirectFile* file) : file_(file) {}

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions&,
                           rocksdb::IODebugContext*) override {
    return ToRocks(file_->Append(data.data(), data.size()));
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo&,
                           rocksdb::IODebugContext* context) override {
    return Append(data, options, context);
  }
  rocksdb::IOStatus Flush(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
    return rocksdb::IOStatus::OK();
  }
  // The writer asks for it once, at its end.
  rocksdb::IOStatus Sync(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
    return ToRocks(file_->Finish());
  }
  rocksdb::IOStatus Close(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
    return rocksdb::IOStatus::OK();
  }
  uint64_t GetFileSize(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
    return file_->bytes();
  }

 private:
  DirectFile* const file_;
};

}  // namespace

// The file system, but for the one file that is written.
class SortedFile::Files : public rocksdb::FileSystemWrapper {
 public:
  Files() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "paracord.SortedFile"; }

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions&,
                                    std::unique_ptr<rocksdb::FSWritableFile>* out,
                                    rocksdb::IODebugContext*) override {
    auto created = DirectFile::Create(path);
    if (!created.ok()) return ToRocks(created.status());
    file = *std::move(created);
    *out = std::make_unique<DirectWritable>(file.get());
    return rocksdb::IOStatus::OK();
  }

  std::unique_ptr<DirectFile> file;
};

struct SortedFile::Writer {
  Writer(std::string to, rocksdb::Options options)
      : path(std::move(to)), writer(Environment(), WithFiles(std::move(options))) {}

  static rocksdb::EnvOptions Environment() {
    rocksdb::EnvOptions environment;
    environment.writable_file_max_buffer_size = kSmallWrites;
    return environment;
  }
  rocksdb::Options WithFiles(rocksdb::Options options) const {
    options.env = env.get();
    return options;
  }

  const std::string path;
  const std::shared_ptr<Files> files = std::make_shared<Files>();
  const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(files);
  rocksdb::SstFileWriter writer;  // last: it uses the rest
};

SortedFile::SortedFile(std::unique_ptr<Writer> writer) : writer_(std::move(writer)) {}
SortedFile::~SortedFile() = default;

absl::StatusOr<std::unique_ptr<SortedFile>> SortedFile::Create(const std::string& path,
                                                               const rocksdb::Options& options) {
  auto writer = std::make_unique<Writer>(path, options);
  RETURN_IF_ERROR(FromRocks(writer->writer.Open(path), path));
  return std::unique_ptr<SortedFile>(new SortedFile(std::move(writer)));
}

absl::Status SortedFile::Put(const std::string& key, const void* value, size_t size) {
  const rocksdb::Slice slice(static_cast<const char*>(value), size);
  return FromRocks(writer_->writer.Put(key, slice), writer_->path);
}

absl::StatusOr<pb::StoredFile> SortedFile::Finish() {
  RETURN_IF_ERROR(FromRocks(writer_->writer.Finish(), writer_->path));
  pb::StoredFile file;
  file.set_bytes(writer_->files->file->bytes());
  file.set_hash(writer_->files->file->Hash());
  return file;
}

}  // namespace paracord
