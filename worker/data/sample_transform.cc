#include "worker/data/sample_transform.h"

#include <algorithm>

#include "common/base/philox.h"
#include "common/base/status.h"

namespace paracord {
namespace {

constexpr uint64_t kAugmentStream = 0x6175676d656e7421;

// A whole number of [-most, most], each as likely up to 2^-32.
int64_t Shift(uint32_t word, int64_t most) {
  return static_cast<int64_t>((uint64_t{word} * static_cast<uint64_t>(2 * most + 1)) >> 32) - most;
}

}  // namespace

absl::Status CheckImages(const TransformSpec& spec, const Shape& sample) {
  if (spec.empty()) return absl::OkStatus();
  if (sample.size() != 2 && sample.size() != 3) {
    return absl::InvalidArgumentError(
        absl::StrCat("found samples of shape ", ShapeString(sample),
                     "; normalize and augment expect [channels, height, width]"));
  }
  const int64_t channels = sample.size() == 3 ? sample[0] : 1;
  if (!spec.mean.empty() && static_cast<int64_t>(spec.mean.size()) != channels) {
    return absl::InvalidArgumentError(absl::StrCat("found samples of ", channels,
                                                   " channel(s); normalize has numbers for ",
                                                   spec.mean.size()));
  }
  const int64_t side = std::min(sample[sample.size() - 2], sample.back());
  if (spec.crop_padding < side) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("found samples of shape ", ShapeString(sample),
                                                 "; a crop with padding ", spec.crop_padding,
                                                 " expects larger ones"));
}

SampleTransform::SampleTransform(const TransformSpec& spec, uint64_t seed, const Shape& sample)
    : spec_(spec), key_(MixKey(seed, kAugmentStream)) {
  if (spec_.empty()) return;
  channels_ = sample.size() == 3 ? sample[0] : 1;
  height_ = sample[sample.size() - 2];
  width_ = sample.back();
  for (size_t c = 0; c < spec_.mean.size(); ++c) {
    mean_.push_back(static_cast<float>(spec_.mean[c]));
    inverse_.push_back(static_cast<float>(1 / spec_.deviation[c]));
  }
  if (spec_.augments()) copy_.resize(static_cast<size_t>(channels_ * height_ * width_));
}

void SampleTransform::Train(uint64_t step, const std::vector<uint64_t>& indices, float* features) {
  if (spec_.augments()) {
    float* sample = features;
    for (const uint64_t index : indices) {
      Augment(step, index, sample);
      sample += copy_.size();
    }
  }
  Normalize(indices.size(), features);
}

void SampleTransform::Normalize(size_t samples, float* features) const {
  const int64_t pixels = height_ * width_;
  for (size_t i = 0; i < samples * mean_.size(); ++i, features += pixels) {
    const float mean = mean_[i % mean_.size()], inverse = inverse_[i % mean_.size()];
    for (int64_t p = 0; p < pixels; ++p) features[p] = (features[p] - mean) * inverse;
  }
}

void SampleTransform::Augment(uint64_t step, uint64_t index, float* sample) {
  const PhiloxBlock random = Philox(key_, step, index);
  const bool mirror = spec_.flips && (random[0] >> 31) != 0;
  const int64_t down = Shift(random[1], spec_.crop_padding);
  const int64_t right = Shift(random[2], spec_.crop_padding);
  std::copy_n(sample, copy_.size(), copy_.begin());
  // A row at a time: its pixels [first, last) come from inside, `right` further on.
  const int64_t first = std::max<int64_t>(0, -right), last = width_ - std::max<int64_t>(0, right);
  const int64_t rows = channels_ * height_;
  for (int64_t row = 0; row < rows; ++row, sample += width_) {
    std::fill_n(sample, width_, 0.0f);
    const int64_t y = row % height_ + down;
    if (y < 0 || y >= height_) continue;
    const float* from = copy_.data() + (row + down) * width_ + right;
    std::copy(from + first, from + last, sample + first);
    if (mirror) std::reverse(sample, sample + width_);
  }
}

}  // namespace paracord
