// Fills a thread's buffers with the samples of one slice.
#pragma once

#include <cstdint>
#include <vector>

#include "worker/data/dataset.h"
#include "worker/model/model.h"

namespace paracord {

class SliceReader {
 public:
  SliceReader(const Dataset& data, float scale) : data_(data), scale_(scale) {}

  // The batch points into this reader's buffers and is valid until the next call.
  Batch Read(const std::vector<uint64_t>& indices) {
    features_.resize(indices.size() * static_cast<size_t>(data_.features()));
    labels_.resize(indices.size() * static_cast<size_t>(data_.label_floats()));
    data_.Read(indices, scale_, features_.data(), labels_.data());
    return {features_.data(), labels_.data(), static_cast<int64_t>(indices.size())};
  }

 private:
  const Dataset& data_;
  const float scale_;
  std::vector<float> features_, labels_;
};

}  // namespace paracord
