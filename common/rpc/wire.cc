#include "common/rpc/wire.h"

#include <google/protobuf/io/coded_stream.h>
#include <grpcpp/support/slice.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/handover.h"
#include "common/base/status.h"

namespace paracord {
namespace {

constexpr uint8_t kHeaderTag = 0x0A;
constexpr uint8_t kFloatsTag = 0x12;
constexpr size_t kMaxHeader = 64 * 1024;

void AppendVarint(uint64_t value, std::string* out) {
  while (value >= 0x80) {
    out->push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out->push_back(static_cast<char>(value));
}

void DropOwner(void* owner) {
  TakeOver(owner);
  delete static_cast<std::shared_ptr<const void>*>(owner);
}

grpc::Slice ToSlice(const Payload::Run& run) {
  auto* owner = new std::shared_ptr<const void>(run.owner);
  HandOver(owner);
  return grpc::Slice(const_cast<char*>(run.data), run.size, DropOwner, owner);
}

// Reads the small front part of a message byte by byte, across slices.
class FrontReader {
 public:
  explicit FrontReader(const std::vector<grpc::Slice>& slices) : slices_(slices) { SkipEmpty(); }

  bool AtEnd() const { return slice_ == slices_.size(); }
  size_t slice() const { return slice_; }
  size_t offset() const { return offset_; }

  bool Byte(uint8_t* out) {
    if (AtEnd()) return false;
    *out = slices_[slice_].begin()[offset_++];
    SkipEmpty();
    return true;
  }
  bool Varint(uint64_t* out) {
    *out = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      uint8_t byte;
      if (!Byte(&byte)) return false;
      *out |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if ((byte & 0x80) == 0) return true;
    }
    return false;
  }
  bool Bytes(size_t count, std::string* out) {
    out->resize(count);
    for (char& c : *out) {
      uint8_t byte;
      if (!Byte(&byte)) return false;
      c = static_cast<char>(byte);
    }
    return true;
  }

 private:
  void SkipEmpty() {
    while (slice_ < slices_.size() && offset_ == slices_[slice_].size()) ++slice_, offset_ = 0;
  }

  const std::vector<grpc::Slice>& slices_;
  size_t slice_ = 0;
  size_t offset_ = 0;
};

absl::Status Torn(const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("malformed message: ", what));
}

}  // namespace

grpc::ByteBuffer EncodeMessage(const google::protobuf::MessageLite& header, const Payload& floats) {
  std::string front(1, static_cast<char>(kHeaderTag));
  AppendVarint(header.ByteSizeLong(), &front);
  header.AppendToString(&front);
  std::vector<grpc::Slice> slices;
  slices.reserve(1 + floats.runs().size());
  if (floats.size() > 0) {
    front.push_back(static_cast<char>(kFloatsTag));
    AppendVarint(floats.size(), &front);
  }
  slices.emplace_back(front);
  for (const Payload::Run& run : floats.runs()) slices.push_back(ToSlice(run));
  return grpc::ByteBuffer(slices.data(), slices.size());
}

absl::Status DecodeMessage(const grpc::ByteBuffer& buffer, google::protobuf::MessageLite* header,
                           Payload* floats) {
  auto slices = std::make_shared<std::vector<grpc::Slice>>();
  if (!buffer.Dump(slices.get()).ok()) return Torn("no buffer");
  FrontReader front(*slices);
  uint8_t tag;
  uint64_t size;
  std::string text;
  if (!front.Byte(&tag) || tag != kHeaderTag) return Torn("expected a header (field 1) first");
  if (!front.Varint(&size) || size > kMaxHeader) return Torn("bad header length");
  if (!front.Bytes(size, &text)) return Torn("header cut short");
  if (!header->ParseFromString(text)) return Torn("header does not parse");
  *floats = Payload();
  if (front.AtEnd()) return absl::OkStatus();
  if (!front.Byte(&tag) || tag != kFloatsTag)
    return Torn("expected floats (field 2) after the header");
  if (!front.Varint(&size)) return Torn("bad length of floats");
  for (size_t i = front.slice(), offset = front.offset(); i < slices->size(); ++i, offset = 0) {
    const grpc::Slice& slice = (*slices)[i];
    floats->Append(reinterpret_cast<const char*>(slice.begin()) + offset, slice.size() - offset,
                   slices);
  }
  if (floats->size() != size) {
    return Torn(absl::StrCat("floats announced with ", size, " bytes, found ", floats->size()));
  }
  return absl::OkStatus();
}

grpc::ByteBuffer EncodePlain(const google::protobuf::MessageLite& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

absl::Status DecodePlain(const grpc::ByteBuffer& buffer, google::protobuf::MessageLite* message) {
  grpc::Slice slice;
  if (!buffer.DumpToSingleSlice(&slice).ok()) return Torn("no buffer");
  if (!message->ParseFromArray(slice.begin(), static_cast<int>(slice.size())))
    return Torn("does not parse");
  return absl::OkStatus();
}

}  // namespace paracord
