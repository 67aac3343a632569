#include "worker/data/idx.h"

#include <algorithm>
#include <limits>
#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "worker/data/source_file.h"

namespace paracord {
namespace {

constexpr uint8_t kUnsignedByte = 0x08;

struct IdxArray {
  std::vector<uint64_t> sizes;
  std::vector<uint8_t> values;
  FileIdentity file;

  std::string SizesString() const { return absl::StrJoin(sizes, " x "); }
};

absl::Status ErrorAt(const SourceFile& file, uint64_t byte, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(file.path(), ": byte ", byte, ": ", what));
}

// `size` bytes of the header, or the error that the file ends there.
absl::Status ReadHeaderBytes(SourceFile& file, uint8_t* to, size_t size) {
  ASSIGN_OR_RETURN(const size_t got, file.Read(to, size));
  if (got == size) return absl::OkStatus();
  return ErrorAt(file, file.offset(),
                 absl::StrCat("torn: the file ends inside its IDX header; expected ", size - got,
                              " more bytes of it"));
}

absl::StatusOr<int> ReadRank(SourceFile& file, int highest_rank) {
  uint8_t magic[4];
  RETURN_IF_ERROR(ReadHeaderBytes(file, magic, sizeof(magic)));
  if (magic[0] != 0 || magic[1] != 0) {
    const std::string found(reinterpret_cast<char*>(magic), sizeof(magic));
    return ErrorAt(file, 0,
                   absl::StrCat("not an IDX file: begins with 0x", absl::BytesToHexString(found),
                                "; expected 0x0000080R, R the rank"));
  }
  if (magic[2] != kUnsignedByte) {
    return ErrorAt(file, 2,
                   absl::StrCat("IDX values of type ", magic[2], "; expected 8, unsigned bytes"));
  }
  if (magic[3] < 1 || magic[3] > highest_rank) {
    return ErrorAt(file, 3,
                   absl::StrCat("IDX array of rank ", magic[3], "; expected ",
                                highest_rank == 1 ? "1" : "1 to 3"));
  }
  return magic[3];
}

absl::Status ReadSizes(SourceFile& file, int rank, IdxArray* array) {
  for (int i = 0; i < rank; ++i) {
    uint8_t word[4];
    const uint64_t at = file.offset();
    RETURN_IF_ERROR(ReadHeaderBytes(file, word, sizeof(word)));
    array->sizes.push_back(uint64_t{word[0]} << 24 | word[1] << 16 | word[2] << 8 | word[3]);
    if (array->sizes.back() == 0) return ErrorAt(file, at, "IDX size 0; expected at least 1");
  }
  return absl::OkStatus();
}

// How many bytes of values the header announces, if the file can hold them at all.
absl::StatusOr<uint64_t> AnnouncedBytes(const SourceFile& file, const IdxArray& array) {
  uint64_t total = 1;
  bool overflow = false;
  for (const uint64_t size : array.sizes) overflow |= __builtin_mul_overflow(total, size, &total);
  const uint64_t room = file.capacity() - std::min(file.capacity(), file.offset());
  if (!overflow && total <= room) return total;
  return ErrorAt(
      file, 4,
      absl::StrCat(
          "the IDX header announces ", array.SizesString(), " values, but a file of ", file.bytes(),
          file.compressed() ? " compressed bytes can hold no more than " : " bytes has room for ",
          room, "; torn, or not an IDX file"));
}

// Grows with what is really there, so that a header that lies costs no memory.
absl::Status ReadValues(SourceFile& file, uint64_t total, IdxArray* array) {
  constexpr uint64_t kPiece = 16 << 20;
  while (array->values.size() < total) {
    const size_t have = array->values.size();
    const size_t want = std::min(kPiece, total - have);
    array->values.resize(have + want);
    ASSIGN_OR_RETURN(const size_t got, file.Read(array->values.data() + have, want));
    if (got == want) continue;
    return ErrorAt(file, file.offset(),
                   absl::StrCat("torn: ", have + got, " values, expected ", total, " (",
                                array->SizesString(), ")"));
  }
  const uint64_t end = file.offset();
  uint8_t more;
  ASSIGN_OR_RETURN(const size_t trailing, file.Read(&more, 1));
  if (trailing == 0) return absl::OkStatus();
  return ErrorAt(
      file, end,
      absl::StrCat("more bytes follow; expected the end of ", array->SizesString(), " values"));
}

absl::StatusOr<IdxArray> ReadIdx(const std::string& path, int highest_rank) {
  ASSIGN_OR_RETURN(const std::unique_ptr<SourceFile> file, SourceFile::Open(path));
  IdxArray array;
  ASSIGN_OR_RETURN(const int rank, ReadRank(*file, highest_rank));
  RETURN_IF_ERROR(ReadSizes(*file, rank, &array));
  ASSIGN_OR_RETURN(const uint64_t total, AnnouncedBytes(*file, array));
  RETURN_IF_ERROR(ReadValues(*file, total, &array));
  ASSIGN_OR_RETURN(array.file, file->Identity());
  return array;
}

// As many as `data` has samples; zeros, if it is to have none.
absl::Status ReadLabels(const DatasetSpec& spec, DecodedData* data) {
  if (!spec.labelled) {
    data->labels.resize(data->samples);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(IdxArray labels, ReadIdx(spec.labels, 1));
  if (labels.sizes[0] != data->samples) {
    return absl::InvalidArgumentError(absl::StrCat(spec.labels, ": byte 4: ", labels.sizes[0],
                                                   " labels; expected ", data->samples,
                                                   ", one for each image of ", spec.images));
  }
  data->labels.assign(labels.values.begin(), labels.values.end());
  data->files.push_back(std::move(labels.file));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DecodedData> DecodeIdx(const DatasetSpec& spec) {
  ASSIGN_OR_RETURN(IdxArray images, ReadIdx(spec.images, 3));
  DecodedData data;
  data.samples = images.sizes[0];
  data.sample_shape.assign(images.sizes.begin() + 1, images.sizes.end());
  if (data.sample_shape.empty()) data.sample_shape.push_back(1);
  data.pixels = std::move(images.values);
  data.files.push_back(std::move(images.file));
  RETURN_IF_ERROR(ReadLabels(spec, &data));
  return data;
}

}  // namespace paracord
