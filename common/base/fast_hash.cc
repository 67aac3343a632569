#include "common/base/fast_hash.h"

#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_format.h"
#include "common/base/status.h"

namespace paracord {
namespace {

constexpr size_t kPiece = 1 << 20;
constexpr off_t kAhead = 16 << 20;  // asked of the disk while what it gave is hashed

}  // namespace

struct FastHash::Context {
  XXH3_state_t* state = XXH3_createState();
  ~Context() { XXH3_freeState(state); }
};

FastHash::FastHash() : context_(std::make_unique<Context>()) {
  PARACORD_CHECK(context_->state != nullptr && XXH3_128bits_reset(context_->state) == XXH_OK);
}

FastHash::~FastHash() = default;

void FastHash::Add(const void* data, size_t size) {
  PARACORD_CHECK(XXH3_128bits_update(context_->state, data, size) == XXH_OK);
}

std::string FastHash::Hex() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(context_->state);
  return absl::StrFormat("%016x%016x", hash.high64, hash.low64);
}

std::string FastHashOf(const std::string& bytes) {
  FastHash hash;
  hash.Add(bytes.data(), bytes.size());
  return hash.Hex();
}

absl::StatusOr<std::string> FastHashOfFile(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return absl::NotFoundError(absl::StrCat(path, ": ", std::strerror(errno)));
  const absl::Cleanup close_file = [file] { close(file); };
  FastHash hash;
  std::vector<char> piece(kPiece);
  for (off_t read_to = 0, asked_to = 0;;) {
    if (asked_to < read_to + kAhead) {
      posix_fadvise(file, asked_to, kAhead / 2, POSIX_FADV_WILLNEED);
      asked_to += kAhead / 2;
    }
    const ssize_t got = read(file, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::DataLossError(absl::StrCat(path, ": ", std::strerror(errno)));
    if (got == 0) return hash.Hex();
    hash.Add(piece.data(), static_cast<size_t>(got));
    read_to += got;
  }
}

}  // namespace paracord
