#include "worker/data/cache_header.h"

#include <bit>
#include <cstring>

#include "common/base/sha256.h"
#include "common/base/status.h"

namespace paracord {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are written as they stand");

constexpr std::string_view kMagic = "paracord-dataset";
constexpr uint32_t kVersion = 4;
constexpr size_t kLengthAt = 20, kHashAt = 24, kBodyAt = 88;

template <class Number>
void Put(Number value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void PutText(const std::string& text, std::string* out) {
  Put(static_cast<uint32_t>(text.size()), out);
  out->append(text);
}

// Takes numbers and texts off the front; zero and "" from the first one that is not there on.
class BodyReader {
 public:
  explicit BodyReader(std::string_view bytes) : left_(bytes) {}

  template <class Number>
  Number Take() {
    Number value{};
    const std::string_view bytes = TakeBytes(sizeof(value));
    if (whole_) std::memcpy(&value, bytes.data(), sizeof(value));
    return value;
  }
  std::string TakeText() { return std::string(TakeBytes(Take<uint32_t>())); }
  bool whole() const { return whole_; }  // everything asked for was there
  bool used_up() const { return whole_ && left_.empty(); }

 private:
  std::string_view TakeBytes(size_t size) {
    whole_ = whole_ && size <= left_.size();
    if (!whole_) return {};
    const std::string_view bytes = left_.substr(0, size);
    left_.remove_prefix(size);
    return bytes;
  }

  std::string_view left_;
  bool whole_ = true;
};

std::string HashOf(std::string_view bytes) {
  Sha256 hash;
  hash.Add(bytes.data(), bytes.size());
  return hash.Hex();
}

std::string EncodeBody(const CacheHeader& header) {
  std::string body;
  PutText(header.key, &body);
  Put(static_cast<uint32_t>(header.files.size()), &body);
  for (const FileIdentity& file : header.files) {
    PutText(file.path, &body);
    Put(file.bytes, &body);
    Put(file.modified, &body);
    PutText(file.sha256, &body);
  }
  Put(header.samples, &body);
  Put(static_cast<uint32_t>(header.sample_shape.size()), &body);
  for (const int64_t size : header.sample_shape) Put(size, &body);
  Put(header.label_floats, &body);
  Put(header.stride, &body);
  Put(header.value_bytes, &body);
  Put(header.vocabulary, &body);
  Put(header.label_bytes, &body);
  Put(header.values, &body);
  return body;
}

FileIdentity TakeFile(BodyReader& body) {
  FileIdentity file;
  file.path = body.TakeText();
  file.bytes = body.Take<uint64_t>();
  file.modified = body.Take<int64_t>();
  file.sha256 = body.TakeText();
  return file;
}

absl::StatusOr<CacheHeader> DecodeBody(std::string_view bytes) {
  BodyReader body(bytes);
  CacheHeader header;
  header.key = body.TakeText();
  const uint32_t files = body.Take<uint32_t>();
  for (uint32_t i = 0; i < files && body.whole(); ++i) header.files.push_back(TakeFile(body));
  header.samples = body.Take<uint64_t>();
  const uint32_t rank = body.Take<uint32_t>();
  for (uint32_t i = 0; i < rank && body.whole(); ++i) {
    header.sample_shape.push_back(body.Take<int64_t>());
  }
  header.label_floats = body.Take<int64_t>();
  header.stride = body.Take<uint64_t>();
  header.value_bytes = body.Take<uint32_t>();
  header.vocabulary = body.Take<uint32_t>();
  header.label_bytes = body.Take<uint64_t>();
  header.values = body.Take<uint32_t>();
  if (!body.used_up()) return absl::InvalidArgumentError("header of another length");
  return header;
}

bool RoundUp(uint64_t value, uint64_t* rounded) {
  constexpr uint64_t kAlign = 64;
  const bool overflow = __builtin_add_overflow(value, kAlign - 1, rounded);
  *rounded -= *rounded % kAlign;
  return !overflow;
}

bool Multiply(uint64_t value, int64_t by, uint64_t* product) {
  return by >= 1 && !__builtin_mul_overflow(value, static_cast<uint64_t>(by), product);
}

bool SampleSize(const CacheHeader& header, uint64_t* size) {
  *size = 1;
  bool good = true;
  for (const int64_t extent : header.sample_shape) good = good && Multiply(*size, extent, size);
  return good;
}

bool SizeRows(const CacheHeader& header, CacheLayout* layout) {
  uint64_t size = 0;
  const uint32_t width = header.value_bytes;
  return (width == sizeof(uint8_t) || width == sizeof(float)) && SampleSize(header, &size) &&
         !__builtin_mul_overflow(header.samples, size, &layout->feature_bytes) &&
         Multiply(layout->feature_bytes, width, &layout->feature_bytes) &&
         Multiply(header.samples, header.label_floats, &layout->label_bytes) &&
         Multiply(layout->label_bytes, sizeof(float), &layout->label_bytes);
}

bool SizeSequence(const CacheHeader& header, CacheLayout* layout) {
  uint64_t size = 0;
  const uint32_t width = header.value_bytes;
  return (width == sizeof(uint8_t) || width == sizeof(uint16_t)) && SampleSize(header, &size) &&
         static_cast<uint64_t>(header.label_floats) == size &&
         !__builtin_mul_overflow(header.samples - 1, header.stride, &layout->feature_bytes) &&
         !__builtin_add_overflow(layout->feature_bytes, size, &layout->feature_bytes) &&
         !__builtin_add_overflow(layout->feature_bytes, uint64_t{1}, &layout->feature_bytes) &&
         Multiply(layout->feature_bytes, width, &layout->feature_bytes);
}

}  // namespace

std::string EncodeCacheHeader(const CacheHeader& header) {
  const std::string body = EncodeBody(header);
  std::string bytes(kMagic);
  Put(kVersion, &bytes);
  Put(static_cast<uint32_t>(kBodyAt + body.size()), &bytes);
  bytes += HashOf(body);
  return bytes + body;
}

uint64_t CacheHeaderBytes(std::string_view file) {
  uint32_t length = 0;
  std::memcpy(&length, file.data() + kLengthAt, sizeof(length));
  return length;
}

absl::StatusOr<CacheHeader> DecodeCacheHeader(std::string_view file) {
  if (file.size() < kBodyAt || file.substr(0, kMagic.size()) != kMagic) {
    return absl::InvalidArgumentError("not a decoded data set");
  }
  uint32_t version = 0;
  std::memcpy(&version, file.data() + kMagic.size(), sizeof(version));
  if (version != kVersion) {
    return absl::InvalidArgumentError(
        absl::StrCat("format version ", version, "; expected ", kVersion));
  }
  const uint64_t length = CacheHeaderBytes(file);
  if (length < kBodyAt || length > file.size() ||
      HashOf(file.substr(kBodyAt, length - kBodyAt)) != file.substr(kHashAt, kBodyAt - kHashAt)) {
    return absl::InvalidArgumentError("torn or damaged header");
  }
  return DecodeBody(file.substr(kBodyAt, length - kBodyAt));
}

absl::StatusOr<CacheLayout> LayoutOf(const CacheHeader& header, uint64_t header_bytes) {
  CacheLayout layout;
  bool good = header.samples >= 1 && RoundUp(header_bytes, &layout.features) &&
              (header.stride > 0 ? SizeSequence(header, &layout) : SizeRows(header, &layout));
  good = good && !__builtin_add_overflow(layout.features, layout.feature_bytes, &layout.labels) &&
         (header.stride > 0 || RoundUp(layout.labels, &layout.labels)) &&
         !__builtin_add_overflow(layout.labels, layout.label_bytes, &layout.end);
  if (!good) return absl::InvalidArgumentError("sizes that no file can have");
  return layout;
}

}  // namespace paracord
