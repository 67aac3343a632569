// One set of samples, decoded once and then only read. Immutable, any thread.
//
// It comes from a decoder's memory or from a mapped cache file (dataset_cache), with the same
// values; image bytes stay bytes until they are read. A data set has at least one sample, and every
// label is finite.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "worker/data/dataset_contents.h"

namespace paracord {

// A column of the samples that a model reads as ids: whole numbers in [0, ids).
struct IdColumn {
  int64_t column;
  int64_t ids;
};
// A value that is none.
struct BadId {
  uint64_t sample;
  IdColumn column;
  float value;
};

class Dataset {
 public:
  // Reads all labels once. InvalidArgument if there is no sample, or a label that is not finite.
  static absl::StatusOr<std::shared_ptr<const Dataset>> Make(DatasetContents contents);

  uint64_t samples() const { return contents_.samples; }
  const Shape& sample_shape() const {
    return contents_.sample_shape;
  }                                               // [784] or [28, 28]: as the file says
  int64_t features() const { return features_; }  // floats a sample
  int64_t label_floats() const { return contents_.label_floats; }  // floats of label a sample
  // Over all samples, so that a job can be checked against its model before step 0.
  double min_label() const { return min_label_; }
  double max_label() const { return max_label_; }
  bool integer_labels() const { return integer_labels_; }
  // Text in tokens of a vocabulary: how many it has (0: it is no such text), and how many bytes of
  // text a label stands for, the mean over all labels of all samples; of anything else 1.
  uint32_t vocabulary() const { return contents_.vocabulary; }
  double bytes_per_label() const;

  // Copies the samples `indices` (each below samples(), any order, repeats allowed) to `features`
  // [indices, features()], each value times `scale`, and to `labels` [indices, label_floats()].
  void Read(const std::vector<uint64_t>& indices, float scale, float* features,
            float* labels) const;

  // The first sample's, in the order of `columns`. Reads them all, but bytes where none can be bad.
  std::optional<BadId> FirstBadId(const std::vector<IdColumn>& columns) const;

  // What it was decoded from; none if it is synthetic.
  const std::vector<FileIdentity>& files() const { return contents_.files; }

 private:
  explicit Dataset(DatasetContents contents);
  absl::Status MeasureLabels();
  template <class Value>
  void MeasureRun(const Value* values);
  // Floats from one sample to the next.
  uint64_t step() const {
    return contents_.stride > 0 ? contents_.stride : static_cast<uint64_t>(features_);
  }

  DatasetContents contents_;
  int64_t features_;
  double min_label_ = 0, max_label_ = 0;
  bool integer_labels_ = true;
};

// Opens the decoded cache file in `cache_directory` if it is there and still fits its sources; else
// decodes and writes it, and says so in the log if it cannot (the data are then used from memory).
// `cache_directory` empty: memory only. Several processes may do so at once. InvalidArgument: what
// is wrong with the files.
absl::StatusOr<std::shared_ptr<const Dataset>> OpenDataset(const DatasetSpec& spec,
                                                           const std::string& cache_directory);

}  // namespace paracord
