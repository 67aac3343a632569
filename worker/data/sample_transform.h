// What is done to the images of a batch: in training a random shift and mirror image, then
// normalisation, each channel's (value - mean) / deviation.
//
// Pure: what is drawn for a sample depends on (seed, step, index) alone, so a batch has the same
// bits on any number of workers and after a restart. Shifted-in pixels are 0 before normalisation,
// as black borders. A sample is [channels, height, width] or [height, width].
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "common/job/job_spec.h"

namespace paracord {

// InvalidArgument if `spec` asks for something that samples of this shape cannot have.
absl::Status CheckImages(const TransformSpec& spec, const Shape& sample);

class SampleTransform {
 public:
  // CheckImages(spec, sample) is OK.
  SampleTransform(const TransformSpec& spec, uint64_t seed, const Shape& sample);

  // `features`: the samples `indices` as they are read in step `step`; changed in place.
  void Train(uint64_t step, const std::vector<uint64_t>& indices, float* features);
  // Normalises `samples` samples.
  void Normalize(size_t samples, float* features) const;

 private:
  void Augment(uint64_t step, uint64_t index, float* sample);

  const TransformSpec spec_;
  const uint64_t key_;
  int64_t channels_ = 1, height_ = 1, width_ = 1;
  std::vector<float> mean_, inverse_;  // a channel
  std::vector<float> copy_;            // of one sample
};

}  // namespace paracord
