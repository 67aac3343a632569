#include "worker/data/dataset_cache.h"

#include <fcntl.h>
#include <stdlib.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_format.h"
#include "common/base/sha256.h"
#include "common/base/status.h"
#include "worker/data/cache_header.h"
#include "worker/data/cache_key.h"
#include "worker/data/checksum.h"
#include "worker/data/file_descriptor.h"
#include "worker/data/image_folder.h"
#include "worker/data/mapped_file.h"
#include "worker/data/source_file.h"

namespace paracord {
namespace {

namespace fs = std::filesystem;

std::string NameOf(const std::string& key) {
  Sha256 hash;
  hash.Add(key.data(), key.size());
  return hash.Hex().substr(0, 32) + ".dataset";
}

absl::Status SystemError(const std::string& what) {
  return absl::UnavailableError(absl::StrCat(what, ": ", std::strerror(errno)));
}

absl::Status WriteAt(int file, const void* data, uint64_t size, uint64_t offset) {
  const char* next = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = pwrite(file, next, size, static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return SystemError("write");
    next += written;
    size -= static_cast<uint64_t>(written);
    offset += static_cast<uint64_t>(written);
  }
  return absl::OkStatus();
}

const void* FeaturesOf(const DatasetContents& contents) {
  if (contents.pixels != nullptr) return contents.pixels;
  if (contents.tokens != nullptr) return contents.tokens;
  return contents.features;
}

uint32_t ValueBytes(const DatasetContents& contents) {
  if (contents.pixels != nullptr) return sizeof(uint8_t);
  return contents.tokens != nullptr ? sizeof(uint16_t) : sizeof(float);
}

uint32_t ChecksumOf(const DatasetContents& contents, const CacheLayout& layout) {
  const uint32_t features = Crc32(0, FeaturesOf(contents), layout.feature_bytes);
  return Crc32(features, contents.labels, layout.label_bytes);
}

absl::Status WriteFile(int file, const std::string& header, const CacheLayout& layout,
                       const DatasetContents& contents) {
  RETURN_IF_ERROR(WriteAt(file, header.data(), header.size(), 0));
  RETURN_IF_ERROR(WriteAt(file, FeaturesOf(contents), layout.feature_bytes, layout.features));
  RETURN_IF_ERROR(WriteAt(file, contents.labels, layout.label_bytes, layout.labels));
  return fsync(file) == 0 ? absl::OkStatus() : SystemError("fsync");
}

// Temporary files of writers that were killed; a living one needs minutes at most.
void RemoveAbandoned(const std::string& directory, const std::string& prefix) {
  std::error_code ignored;
  const auto oldest = fs::file_time_type::clock::now() - std::chrono::hours(24);
  for (fs::directory_iterator entry(directory, ignored), end; !ignored && entry != end;
       entry.increment(ignored)) {
    if (!entry->path().filename().string().starts_with(prefix)) continue;
    std::error_code gone;
    const auto written = entry->last_write_time(gone);
    if (!gone && written < oldest) fs::remove(entry->path(), gone);
  }
}

absl::StatusOr<FileIdentity> IdentityNow(const std::string& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return StatFile(path);
  ASSIGN_OR_RETURN(ImageFolder folder, ListImageFolder(path));
  return std::move(folder.identity);
}

absl::Status CheckSources(const std::vector<FileIdentity>& files) {
  for (const FileIdentity& file : files) {
    const absl::StatusOr<FileIdentity> now = IdentityNow(file.path);
    if (!now.ok() || now->bytes != file.bytes || now->modified != file.modified) {
      return absl::NotFoundError(absl::StrCat(file.path, " has changed since it was decoded"));
    }
  }
  return absl::OkStatus();
}

DatasetContents ContentsIn(std::shared_ptr<const MappedFile> mapped, const CacheHeader& header,
                           const CacheLayout& layout) {
  DatasetContents contents;
  contents.sample_shape = header.sample_shape;
  contents.samples = header.samples;
  contents.label_floats = header.label_floats;
  contents.stride = header.stride;
  contents.vocabulary = header.vocabulary;
  contents.label_bytes = header.label_bytes;
  const char* features = mapped->data() + layout.features;
  if (header.value_bytes == sizeof(uint8_t)) {
    contents.pixels = reinterpret_cast<const uint8_t*>(features);
  } else if (header.value_bytes == sizeof(uint16_t)) {
    contents.tokens = reinterpret_cast<const uint16_t*>(features);
  } else {
    contents.features = reinterpret_cast<const float*>(features);
  }
  if (header.stride == 0) {
    contents.labels = reinterpret_cast<const float*>(mapped->data() + layout.labels);
  }
  contents.files = header.files;
  contents.owner = std::move(mapped);
  return contents;
}

}  // namespace

DatasetCache::DatasetCache(const DatasetSpec& spec, const std::string& directory)
    : directory_(directory),
      key_(CacheKey(spec)),
      path_((fs::path(directory) / NameOf(key_)).string()) {}

absl::StatusOr<DatasetContents> DatasetCache::Open() const {
  ASSIGN_OR_RETURN(std::shared_ptr<const MappedFile> mapped, MappedFile::Open(path_));
  const std::string_view bytes(mapped->data(), mapped->size());
  absl::StatusOr<CacheHeader> header = DecodeCacheHeader(bytes);
  if (!header.ok()) return Annotate(header.status(), path_);
  if (header->key != key_) {
    return absl::InvalidArgumentError(absl::StrCat(path_, ": made for another data set"));
  }
  ASSIGN_OR_RETURN(const CacheLayout layout, LayoutOf(*header, CacheHeaderBytes(bytes)));
  if (layout.end != bytes.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path_, ": torn: ", bytes.size(), " bytes; expected ", layout.end));
  }
  RETURN_IF_ERROR(CheckSources(header->files));
  DatasetContents contents = ContentsIn(std::move(mapped), *header, layout);
  const uint32_t found = ChecksumOf(contents, layout);
  if (found != header->values) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s: damaged: values of checksum %08x; expected %08x", path_, found, header->values));
  }
  return contents;
}

absl::Status DatasetCache::Write(const DecodedData& data) const {
  const auto no_copy = std::shared_ptr<const DecodedData>(std::shared_ptr<void>(), &data);
  const DatasetContents contents = ContentsOf(no_copy);
  CacheHeader header = {
      key_,        data.files,           data.samples,    data.sample_shape, data.label_floats,
      data.stride, ValueBytes(contents), data.vocabulary, data.label_bytes};
  // The header's length is the same for any checksum.
  ASSIGN_OR_RETURN(const CacheLayout layout, LayoutOf(header, EncodeCacheHeader(header).size()));
  header.values = ChecksumOf(contents, layout);
  const std::string bytes = EncodeCacheHeader(header);
  std::error_code error;
  fs::create_directories(directory_, error);
  if (error) return absl::UnavailableError(absl::StrCat(directory_, ": ", error.message()));
  const std::string prefix = path_ + ".tmp-";
  RemoveAbandoned(directory_, fs::path(prefix).filename().string());
  std::string temporary = prefix + "XXXXXX";
  const FileDescriptor file(mkostemp(temporary.data(), O_CLOEXEC));
  if (!file.is_open()) return SystemError(temporary);
  absl::Status status = WriteFile(file.number(), bytes, layout, contents);
  if (status.ok() && rename(temporary.c_str(), path_.c_str()) != 0) status = SystemError("rename");
  if (!status.ok()) {
    unlink(temporary.c_str());
    return Annotate(status, path_);
  }
  const FileDescriptor directory(open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open() || fsync(directory.number()) != 0) return SystemError(directory_);
  return absl::OkStatus();
}

}  // namespace paracord
