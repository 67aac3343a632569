// Fills a thread's buffers with the samples of one slice, scaled, and transformed as the job says.
#pragma once

#include <cstdint>
#include <vector>

#include "worker/data/dataset.h"
#include "worker/data/sample_transform.h"
#include "worker/model/model.h"

namespace paracord {

class SliceReader {
 public:
  // CheckTransform(data, ..., job.transform) is OK.
  SliceReader(const Dataset& data, const JobSpec& job)
      : data_(data),
        scale_(static_cast<float>(job.scale)),
        transform_(job.transform, job.seed, data.sample_shape()) {}

  // For training in step `step`, augmented. The batch points into this reader's buffers and is
  // valid until the next call.
  Batch ReadForStep(uint64_t step, const std::vector<uint64_t>& indices) {
    const Batch batch = Fill(indices);
    transform_.Train(step, indices, features_.data());
    return batch;
  }

  // The same for evaluation.
  Batch Read(const std::vector<uint64_t>& indices) {
    const Batch batch = Fill(indices);
    transform_.Normalize(indices.size(), features_.data());
    return batch;
  }

 private:
  Batch Fill(const std::vector<uint64_t>& indices) {
    features_.resize(indices.size() * static_cast<size_t>(data_.features()));
    labels_.resize(indices.size() * static_cast<size_t>(data_.label_floats()));
    data_.Read(indices, scale_, features_.data(), labels_.data());
    return {features_.data(), labels_.data(), static_cast<int64_t>(indices.size())};
  }

  const Dataset& data_;
  const float scale_;
  SampleTransform transform_;
  std::vector<float> features_, labels_;
};

}  // namespace paracord
