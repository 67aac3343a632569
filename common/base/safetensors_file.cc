#include "common/base/safetensors_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/base/status.h"

namespace paracord {
namespace {

static_assert(std::endian::native == std::endian::little,
              "values are read as they lie in the file");

constexpr uint64_t kLengthBytes = 8;
constexpr size_t kChunk = 1 << 14;  // values that are converted at a time

float FromBfloat16(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

// IEEE 754 binary16: a sign, 5 bits of exponent, 10 of mantissa.
float FromHalf(uint16_t bits) {
  const uint32_t sign = uint32_t{bits & 0x8000u} << 16;
  const uint32_t exponent = (bits >> 10) & 0x1fu, mantissa = bits & 0x3ffu;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | mantissa << 13);
  if (exponent > 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;  // subnormal, or zero
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(magnitude));
}

}  // namespace

absl::StatusOr<std::unique_ptr<SafetensorsFile>> SafetensorsFile::Open(const std::string& path) {
  const int number = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (number < 0) {
    return absl::NotFoundError(absl::StrCat(path, ": cannot be opened: ", std::strerror(errno)));
  }
  std::unique_ptr<SafetensorsFile> file(new SafetensorsFile(path, number));
  RETURN_IF_ERROR(Annotate(file->ReadHeader(), path));
  return file;
}

SafetensorsFile::~SafetensorsFile() { close(file_); }

absl::Status SafetensorsFile::ReadHeader() {
  struct stat status;
  if (fstat(file_, &status) != 0 || !S_ISREG(status.st_mode)) {
    return absl::InvalidArgumentError("found something that is no file; expected safetensors");
  }
  const auto bytes = static_cast<uint64_t>(status.st_size);
  uint64_t length = 0;
  if (bytes < kLengthBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("found ", bytes, " bytes; expected the 8 bytes of the header's length"));
  }
  RETURN_IF_ERROR(ReadBytes(0, kLengthBytes, &length));
  const uint64_t most = std::min(kMostHeaderBytes, bytes - kLengthBytes);
  if (length > most) {
    return absl::InvalidArgumentError(
        absl::StrCat("found a header of ", length, " bytes; expected at most ", most,
                     " in a file of ", bytes, ": torn, or no safetensors"));
  }
  std::string header(length, '\0');
  RETURN_IF_ERROR(ReadBytes(kLengthBytes, length, header.data()));
  data_ = kLengthBytes + length;
  ASSIGN_OR_RETURN(tensors_, ParseSafetensorsHeader(header, bytes - data_));
  return absl::OkStatus();
}

bool SafetensorsFile::IsReadable(const StoredTensor& tensor) {
  return tensor.dtype == "F32" || tensor.dtype == "F16" || tensor.dtype == "BF16";
}

absl::Status SafetensorsFile::Read(const StoredTensor& tensor, uint64_t offset, uint64_t count,
                                   float* out) const {
  if (!IsReadable(tensor) || offset > tensor.values || count > tensor.values - offset) {
    return absl::InvalidArgumentError(absl::StrCat(
        path_, ": tensor ", Shown(tensor.name), ": found ", tensor.values, " values of ",
        tensor.dtype, "; expected ", count, " from ", offset, " on, of F32, F16 or BF16"));
  }
  const uint64_t width = BytesOfType(tensor.dtype), first = data_ + tensor.begin;
  if (width == sizeof(float)) {
    return Annotate(ReadBytes(first + offset * width, count * width, out), path_);
  }
  const auto convert = tensor.dtype == "F16" ? FromHalf : FromBfloat16;
  uint16_t words[kChunk];
  while (count > 0) {
    const uint64_t some = std::min<uint64_t>(count, kChunk);
    RETURN_IF_ERROR(Annotate(ReadBytes(first + offset * width, some * width, words), path_));
    out = std::transform(words, words + some, out, convert);
    offset += some, count -= some;
  }
  return absl::OkStatus();
}

absl::Status SafetensorsFile::ReadBytes(uint64_t at, uint64_t count, void* out) const {
  char* to = static_cast<char*>(out);
  while (count > 0) {
    const ssize_t got = pread(file_, to, count, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::DataLossError(std::strerror(errno));
    if (got == 0) return absl::DataLossError("the file has become shorter");
    to += got, at += static_cast<uint64_t>(got), count -= static_cast<uint64_t>(got);
  }
  return absl::OkStatus();
}

}  // namespace paracord
