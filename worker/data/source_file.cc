#include "worker/data/source_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/base/status.h"

namespace paracord {
namespace {

constexpr size_t kChunk = 1 << 20;
constexpr size_t kPiece = 4 << 20;  // ReadAll grows by it
// Deflate gives at most 1,032 bytes for one (zlib's technical notes).
constexpr uint64_t kMostPerByte = 1032;

absl::StatusOr<FileIdentity> IdentityFrom(const std::string& path, const struct stat& info) {
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": not a regular file"));
  }
  FileIdentity identity;
  identity.path = path;
  identity.bytes = static_cast<uint64_t>(info.st_size);
  identity.modified = info.st_mtim.tv_sec * 1'000'000'000ll + info.st_mtim.tv_nsec;
  return identity;
}

// Small files, of which there may be many, take little memory and little time to clear it.
size_t PieceFor(uint64_t bytes, size_t most) {
  return static_cast<size_t>(std::clamp<uint64_t>(bytes, 1 << 12, most));
}

absl::Status SystemError(const std::string& path) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": cannot be read: ", std::strerror(errno)));
}

}  // namespace

struct SourceFile::Inflater {
  z_stream stream = {};
  bool finished = false;  // at the end of a member
  ~Inflater() { inflateEnd(&stream); }
};

absl::StatusOr<FileIdentity> StatFile(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return SystemError(path);
  return IdentityFrom(path, info);
}

absl::StatusOr<std::unique_ptr<SourceFile>> SourceFile::Open(const std::string& path) {
  std::unique_ptr<SourceFile> source(new SourceFile);
  // Non-blocking, so that a pipe is refused below and not waited for here.
  source->file_ = FileDescriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info;
  if (!source->file_.is_open() || fstat(source->file_.number(), &info) != 0) {
    return SystemError(path);
  }
  ASSIGN_OR_RETURN(source->identity_, IdentityFrom(path, info));
  source->chunk_.resize(PieceFor(source->bytes(), kChunk));
  RETURN_IF_ERROR(source->Fill());
  if (source->end_ >= 2 && source->chunk_[0] == '\x1f' && source->chunk_[1] == '\x8b') {
    source->inflater_ = std::make_unique<Inflater>();
    constexpr int kGzipOnly = 16 + MAX_WBITS;
    if (inflateInit2(&source->inflater_->stream, kGzipOnly) != Z_OK) {
      return absl::ResourceExhaustedError(absl::StrCat(path, ": zlib has no memory"));
    }
  }
  return source;
}

SourceFile::~SourceFile() = default;

uint64_t SourceFile::capacity() const {
  return compressed() ? identity_.bytes * kMostPerByte : identity_.bytes;
}

absl::Status SourceFile::Error(const std::string& what) const {
  return absl::InvalidArgumentError(
      absl::StrCat(path(), ": byte ", read_ - (end_ - begin_), ": ", what));
}

absl::Status SourceFile::Fill() {
  if (begin_ < end_) return absl::OkStatus();
  begin_ = end_ = 0;
  while (end_ < chunk_.size()) {
    const ssize_t got = read(file_.number(), chunk_.data() + end_, chunk_.size() - end_);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError(path());
    if (got == 0) break;
    end_ += static_cast<size_t>(got);
  }
  read_ += end_;
  hash_.Add(chunk_.data(), end_);
  return absl::OkStatus();
}

absl::StatusOr<size_t> SourceFile::Read(void* to, size_t size) {
  size_t done = 0;
  while (done < size) {
    char* next = static_cast<char*>(to) + done;
    ASSIGN_OR_RETURN(const size_t got,
                     compressed() ? Inflate(next, size - done) : Copy(next, size - done));
    if (got == 0) break;
    done += got;
    offset_ += got;
  }
  return done;
}

absl::Status SourceFile::ReadAll(std::vector<uint8_t>* bytes) {
  const size_t piece = PieceFor(this->bytes() + 1, kPiece);
  while (true) {
    const size_t have = bytes->size();
    RETURN_IF_ERROR(CheckFitsInMemory((have + piece) / sizeof(float), 1));
    bytes->resize(have + piece);
    ASSIGN_OR_RETURN(const size_t got, Read(bytes->data() + have, piece));
    bytes->resize(have + got);
    if (got < piece) return absl::OkStatus();
  }
}

absl::StatusOr<size_t> SourceFile::Copy(char* to, size_t size) {
  RETURN_IF_ERROR(Fill());
  const size_t count = std::min(size, end_ - begin_);
  std::copy_n(chunk_.data() + begin_, count, to);
  begin_ += count;
  return count;
}

absl::StatusOr<size_t> SourceFile::Inflate(char* to, size_t size) {
  while (true) {
    RETURN_IF_ERROR(Fill());
    const bool at_end = begin_ == end_;
    if (inflater_->finished) {
      if (at_end) return size_t{0};
      if (chunk_[begin_] != '\x1f') return Error("bytes follow the end of the gzip stream");
      inflater_->finished = false;
      inflateReset(&inflater_->stream);
    }
    if (at_end) {
      return Error(absl::StrCat("torn: the file ends inside its gzip stream, after ", offset_,
                                " unpacked bytes"));
    }
    ASSIGN_OR_RETURN(const size_t got, InflateChunk(to, size));
    if (got > 0) return got;
  }
}

absl::StatusOr<size_t> SourceFile::InflateChunk(char* to, size_t size) {
  z_stream& stream = inflater_->stream;
  const size_t room = std::min(size, kChunk);
  stream.next_in = reinterpret_cast<Bytef*>(chunk_.data() + begin_);
  stream.avail_in = static_cast<uInt>(end_ - begin_);
  stream.next_out = reinterpret_cast<Bytef*>(to);
  stream.avail_out = static_cast<uInt>(room);
  const int code = inflate(&stream, Z_NO_FLUSH);
  begin_ = end_ - stream.avail_in;
  inflater_->finished = code == Z_STREAM_END;
  if (code != Z_OK && code != Z_STREAM_END) {
    return Error(absl::StrCat("damaged gzip stream: ", stream.msg ? stream.msg : zError(code)));
  }
  return room - stream.avail_out;
}

absl::StatusOr<FileIdentity> SourceFile::Identity() {
  struct stat info;
  if (fstat(file_.number(), &info) != 0) return SystemError(path());
  ASSIGN_OR_RETURN(const FileIdentity now, IdentityFrom(path(), info));
  if (now.bytes != identity_.bytes || now.modified != identity_.modified ||
      read_ != identity_.bytes) {
    return absl::InvalidArgumentError(absl::StrCat(path(), ": changed while it was read"));
  }
  identity_.sha256 = hash_.Hex();
  return identity_;
}

}  // namespace paracord
