#include "scheduler/cli/npz.h"

#include <zlib.h>

#include <algorithm>

#include "common/base/npy_header.h"
#include "common/base/status.h"

namespace paracord {
namespace {

constexpr uint16_t kVersion = 45;            // of the format: zip64
constexpr uint16_t kDate = 1 << 5 | 1;       // 1 January 1980: the same bytes at any time
constexpr uint32_t kElsewhere = 0xffffffff;  // a size's 32-bit place: it stands in the extra field

// Little-endian words, one after the other.
class Words {
 public:
  Words& Add2(uint16_t word) { return Add(word, 2); }
  Words& Add4(uint32_t word) { return Add(word, 4); }
  Words& Add8(uint64_t word) { return Add(word, 8); }
  const std::string& bytes() const { return bytes_; }

 private:
  Words& Add(uint64_t word, int count) {
    for (int i = 0; i < count; ++i) bytes_ += static_cast<char>(word >> (8 * i));
    return *this;
  }
  std::string bytes_;
};

// From the version needed to the name's length: what both headers of a member say alike.
void AddCommon(uint32_t crc, const std::string& name, Words* words) {
  words->Add2(kVersion).Add2(0).Add2(0).Add2(0).Add2(kDate);
  words->Add4(crc).Add4(kElsewhere).Add4(kElsewhere);
  words->Add2(static_cast<uint16_t>(name.size()));
}

}  // namespace

std::string NpzWriter::LocalHeader(const Member& member) {
  Words words;
  words.Add4(0x04034b50);
  AddCommon(member.crc, member.name, &words);
  words.Add2(20);  // the extra field
  Words extra;
  extra.Add2(1).Add2(16).Add8(member.bytes).Add8(member.bytes);
  return words.bytes() + member.name + extra.bytes();
}

std::string NpzWriter::CentralHeader(const Member& member) {
  Words words;
  words.Add4(0x02014b50).Add2(kVersion);
  AddCommon(member.crc, member.name, &words);
  words.Add2(28).Add2(0).Add2(0).Add2(0).Add4(0).Add4(kElsewhere);
  Words extra;
  extra.Add2(1).Add2(24).Add8(member.bytes).Add8(member.bytes).Add8(member.begin);
  return words.bytes() + member.name + extra.bytes();
}

absl::Status NpzWriter::Begin(const WeightsVersion& version) {
  members_.clear();
  return file_.Open();
}

absl::Status NpzWriter::BeginTensor(const TensorSpec& tensor) {
  RETURN_IF_ERROR(EndMember());
  RETURN_IF_ERROR(digest_.BeginTensor(tensor));
  members_.push_back({tensor.name + ".npy", file_.size(), 0, 0});
  RETURN_IF_ERROR(file_.Append(LocalHeader(members_.back())));
  const std::string header = NpyFloatHeader(tensor.shape);
  return Store(header.data(), header.size());
}

absl::Status NpzWriter::Add(const Payload& floats) {
  RETURN_IF_ERROR(digest_.Add(floats));
  for (const Payload::Run& run : floats.runs()) RETURN_IF_ERROR(Store(run.data, run.size));
  return absl::OkStatus();
}

absl::Status NpzWriter::Store(const char* data, size_t size) {
  Member& member = members_.back();
  member.crc = static_cast<uint32_t>(
      crc32_z(member.crc, reinterpret_cast<const unsigned char*>(data), size));
  member.bytes += size;
  return file_.Append({data, size});
}

// Its sum and its size are known only now.
absl::Status NpzWriter::EndMember() {
  if (members_.empty()) return absl::OkStatus();
  return file_.Replace(members_.back().begin, LocalHeader(members_.back()));
}

absl::StatusOr<std::string> NpzWriter::Commit() {
  RETURN_IF_ERROR(EndMember());
  const uint64_t begin = file_.size(), count = members_.size();
  for (const Member& member : members_) RETURN_IF_ERROR(file_.Append(CentralHeader(member)));
  const uint64_t end = file_.size();
  Words words;
  words.Add4(0x06064b50).Add8(44).Add2(kVersion).Add2(kVersion).Add4(0).Add4(0);
  words.Add8(count).Add8(count).Add8(end - begin).Add8(begin);
  words.Add4(0x07064b50).Add4(0).Add8(end).Add4(1);
  const auto shown = static_cast<uint16_t>(std::min<uint64_t>(count, 0xffff));
  words.Add4(0x06054b50).Add2(0).Add2(0).Add2(shown).Add2(shown);
  words.Add4(kElsewhere).Add4(kElsewhere).Add2(0);
  RETURN_IF_ERROR(file_.Append(words.bytes()));
  RETURN_IF_ERROR(file_.Commit());
  return digest_.Hex();
}

}  // namespace paracord
