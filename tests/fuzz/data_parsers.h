// The parsers of worker/data, of safetensors, vocabularies and job files as functions of any bytes,
// for libFuzzer: none may crash, and what they accept must be readable to its last value.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/safetensors_file.h"
#include "common/base/status.h"
#include "common/job/job_spec.h"
#include "common/job/vocabulary.h"
#include "worker/data/cache_header.h"
#include "worker/data/dataset.h"
#include "worker/data/image_resize.h"
#include "worker/data/raw_image.h"

namespace paracord::fuzz {

// A file without a name that holds `bytes`; gone when this goes.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : number_(memfd_create("fuzz", MFD_CLOEXEC)) {
    PARACORD_CHECK(number_ >= 0);
    PARACORD_CHECK(write(number_, bytes.data(), bytes.size()) ==
                   static_cast<ssize_t>(bytes.size()));
  }
  ~MemoryFile() { close(number_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return absl::StrCat("/proc/self/fd/", number_); }

 private:
  const int number_;
};

inline void OpenAndRead(const DatasetSpec& spec) {
  const auto data = OpenDataset(spec, "");
  if (!data.ok()) return;
  std::vector<uint64_t> indices((*data)->samples());
  std::iota(indices.begin(), indices.end(), 0);
  const size_t samples = indices.size();
  std::vector<float> features(samples * static_cast<size_t>((*data)->features()));
  std::vector<float> labels(samples * static_cast<size_t>((*data)->label_floats()));
  (*data)->Read(indices, 1, features.data(), labels.data());
}

inline DatasetSpec SpecOf(DatasetSpec::Format format, const std::string& path) {
  DatasetSpec spec;
  spec.format = format;
  spec.path = spec.images = spec.labels = path;
  spec.paths = {path};
  spec.label = "y";
  spec.features = 8;
  spec.classes = 10;
  spec.context = 8;
  spec.stride = 3;
  return spec;
}

template <DatasetSpec::Format format>
void Parse(std::string_view bytes) {
  const MemoryFile file(bytes);
  OpenAndRead(SpecOf(format, file.path()));
}

inline constexpr auto& Idx = Parse<DatasetSpec::Format::kIdx>;
inline constexpr auto& Csv = Parse<DatasetSpec::Format::kCsv>;
inline constexpr auto& Libsvm = Parse<DatasetSpec::Format::kLibsvm>;
inline constexpr auto& Text = Parse<DatasetSpec::Format::kText>;
inline constexpr auto& Cifar = Parse<DatasetSpec::Format::kCifar>;
inline constexpr auto& Npy = Parse<DatasetSpec::Format::kNpy>;

inline void Table(std::string_view bytes) {
  const MemoryFile file(bytes);
  DatasetSpec spec = SpecOf(DatasetSpec::Format::kCsv, file.path());
  spec.table.missing = MissingKind::kMean;
  spec.table.standardize = true;
  spec.table.columns.resize(3);
  spec.table.columns[0].name = "d";
  spec.table.columns[0].kind = ColumnSpec::Kind::kDate;
  spec.table.columns[0].parts = {DatePart::kMonth, DatePart::kWeekday, DatePart::kHour,
                                 DatePart::kDayOfYear};
  spec.table.columns[1].name = "c";
  spec.table.columns[1].kind = ColumnSpec::Kind::kLearned;
  spec.table.columns[1].learned = 3;
  spec.table.columns[2].name = "x";
  spec.table.columns[2].kind = ColumnSpec::Kind::kCross;
  spec.table.columns[2].crosses = {"c", "d"};
  spec.table.columns[2].buckets = 7;
  OpenAndRead(spec);
}

inline void Safetensors(std::string_view bytes) {
  const MemoryFile memory(bytes);
  const auto file = SafetensorsFile::Open(memory.path());
  if (!file.ok()) return;
  for (const StoredTensor& tensor : (*file)->tensors()) {
    if (!SafetensorsFile::IsReadable(tensor)) continue;
    std::vector<float> values(tensor.values);
    PARACORD_CHECK((*file)->Read(tensor, 0, tensor.values, values.data()).ok());
  }
}

inline void Image(std::string_view bytes) {
  auto image = DecodeImageFile(bytes);
  if (!image.ok()) return;
  SetChannels(3, &*image);
  uint8_t out[3 * 9 * 7];
  ResizeAndCrop(*image, 9, 7, out);
}

inline void Cache(std::string_view bytes) {
  const auto header = DecodeCacheHeader(bytes);
  if (!header.ok()) return;
  const auto layout = LayoutOf(*header, CacheHeaderBytes(bytes));
  if (layout.ok()) PARACORD_CHECK(layout->features < layout->end);
}

// A vocabulary, and any bytes as text: here its own.
inline void Vocabulary(std::string_view bytes) {
  const auto vocabulary = paracord::Vocabulary::Parse(bytes);
  if (!vocabulary.ok()) return;
  PARACORD_CHECK(*vocabulary->Decode(vocabulary->Encode(bytes)) == bytes);
  PARACORD_CHECK(paracord::Vocabulary::Parse(vocabulary->Text())->size() == vocabulary->size());
}

inline void Job(std::string_view bytes) {
  const ParsedJob job = ParseJob(std::string(bytes), "/jobs");
  for (const ConfigError& error : job.errors) PARACORD_CHECK(!ErrorString(error).empty());
}

}  // namespace paracord::fuzz
