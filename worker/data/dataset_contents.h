// What a decoder makes and what a data set reads from: the values of a set and the files they came
// from.
//
// DecodedData owns its values (fresh from a decoder). DatasetContents only says where values lie:
// in a DecodedData or in a mapped cache file, whichever `owner` keeps alive. Plain structs,
// immutable once handed over.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/job/model_spec.h"
#include "common/job/table_spec.h"

namespace paracord {

// One source file as it was when it was decoded.
struct FileIdentity {
  std::string path;
  uint64_t bytes = 0;    // on disk, before inflating
  int64_t modified = 0;  // mtime in nanoseconds since 1970
  std::string sha256;    // of the bytes on disk, 64 hexadecimal digits
};

// Values of `samples` samples, row after row. Either `pixels` or `features` holds [samples,
// ShapeSize(sample_shape)] values, the other is empty; `labels` holds [samples, label_floats].
//
// With a `stride` it is a sequence: `pixels` is one run of bytes, or `tokens` one of a
// vocabulary's, sample i begins at value i * stride and its labels are its values moved on by one,
// so label_floats is the sample's size and `labels` is empty. Only a sequence has tokens.
struct DecodedData {
  Shape sample_shape;
  uint64_t samples = 0;
  int64_t label_floats = 1;
  uint64_t stride = 0;
  std::vector<uint8_t> pixels;
  std::vector<uint16_t> tokens;
  std::vector<float> features;
  std::vector<float> labels;
  uint32_t vocabulary = 0;   // tokens: how many there are; else 0
  uint64_t label_bytes = 0;  // tokens: of text, that all labels of all samples stand for; else 0
  std::vector<FileIdentity> files;
};

// The same by reference: two of `pixels`, `tokens` and `features` are null; `labels` too in a
// sequence.
struct DatasetContents {
  Shape sample_shape;
  uint64_t samples = 0;
  int64_t label_floats = 1;
  uint64_t stride = 0;
  const uint8_t* pixels = nullptr;
  const uint16_t* tokens = nullptr;
  const float* features = nullptr;
  const float* labels = nullptr;
  uint32_t vocabulary = 0;
  uint64_t label_bytes = 0;
  std::vector<FileIdentity> files;
  std::shared_ptr<const void> owner;
};

DatasetContents ContentsOf(std::shared_ptr<const DecodedData> data);

// Only the samples that `rows` keeps. No sequence. InvalidArgument if it keeps none.
absl::Status KeepRows(const RowsSpec& rows, DecodedData* data);

// ResourceExhausted if `samples` rows of `features` floats would take more than half of this host's
// memory: text of a few bytes, or a number in a job file, can ask for any amount.
absl::Status CheckFitsInMemory(uint64_t samples, uint64_t features);

}  // namespace paracord
