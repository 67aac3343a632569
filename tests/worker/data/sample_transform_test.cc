#include "worker/data/sample_transform.h"

#include <catch2/catch.hpp>
#include <numeric>
#include <set>

#include "worker/slice_reader.h"

namespace paracord {
namespace {

using Catch::Contains;

TransformSpec Augmented(bool flips, int64_t padding) {
  TransformSpec spec;
  spec.flips = flips;
  spec.crop_padding = padding;
  return spec;
}

// Samples of 1, 2, 3, ...
std::vector<float> Counted(size_t values) {
  std::vector<float> features(values);
  std::iota(features.begin(), features.end(), 1.0f);
  return features;
}

// A sample moved and mirrored, pixel by pixel.
std::vector<float> Moved(const std::vector<float>& sample, const Shape& shape, int64_t down,
                         int64_t right, bool mirror) {
  std::vector<float> out;
  for (int64_t c = 0; c < shape[0]; ++c) {
    for (int64_t y = 0; y < shape[1]; ++y) {
      for (int64_t x = 0; x < shape[2]; ++x) {
        const int64_t from_y = y + down, from_x = (mirror ? shape[2] - 1 - x : x) + right;
        const bool inside = from_y >= 0 && from_y < shape[1] && from_x >= 0 && from_x < shape[2];
        out.push_back(inside ? sample[(c * shape[1] + from_y) * shape[2] + from_x] : 0);
      }
    }
  }
  return out;
}

TEST_CASE("an augmented image is one of the shifts and mirror images, and each of them occurs") {
  const Shape shape = {2, 4, 5};
  const std::vector<float> sample = Counted(40);
  std::set<std::vector<float>> possible, seen;
  for (int64_t down = -2; down <= 2; ++down) {
    for (int64_t right = -2; right <= 2; ++right) {
      for (const bool mirror : {false, true}) {
        possible.insert(Moved(sample, shape, down, right, mirror));
      }
    }
  }
  REQUIRE(possible.size() == 50);
  SampleTransform transform(Augmented(true, 2), 17, shape);
  for (uint64_t step = 0; step < 1000; ++step) {
    std::vector<float> found = sample;
    transform.Train(step, {5}, found.data());
    REQUIRE(possible.count(found) == 1);
    seen.insert(found);
  }
  CHECK(seen == possible);
}

TEST_CASE("what is drawn for a sample depends on seed, step and index, and on no other sample") {
  const Shape shape = {1, 6, 6};
  const auto alone = [&](uint64_t seed, uint64_t step, uint64_t index) {
    SampleTransform transform(Augmented(true, 3), seed, shape);
    std::vector<float> features = Counted(36);
    transform.Train(step, {index}, features.data());
    return features;
  };
  SampleTransform transform(Augmented(true, 3), 1, shape);
  const std::vector<uint64_t> indices = {9, 2, 700, 2};
  std::vector<float> together;
  for (size_t i = 0; i < indices.size(); ++i) {
    const std::vector<float> sample = Counted(36);
    together.insert(together.end(), sample.begin(), sample.end());
  }
  transform.Train(8, indices, together.data());
  for (size_t i = 0; i < indices.size(); ++i) {
    const auto row = together.begin() + static_cast<int64_t>(i * 36);
    CHECK(std::vector<float>(row, row + 36) == alone(1, 8, indices[i]));
  }
  size_t other_seed = 0, other_step = 0, other_index = 0;
  for (uint64_t i = 0; i < 20; ++i) {
    other_seed += alone(1, i, 3) != alone(2, i, 3) ? 1 : 0;
    other_step += alone(1, i, 3) != alone(1, i + 1, 3) ? 1 : 0;
    other_index += alone(1, i, 3) != alone(1, i, 4) ? 1 : 0;
  }
  CHECK(other_seed > 15);
  CHECK(other_step > 15);
  CHECK(other_index > 15);
}

TEST_CASE("what is drawn never changes") {
  SampleTransform transform(Augmented(true, 1), 17, {3, 3});
  std::vector<float> drawn;
  for (uint64_t step = 0; step < 4; ++step) {
    std::vector<float> sample = Counted(9);
    transform.Train(step, {step * step}, sample.data());
    drawn.push_back(sample[4]);
  }
  CHECK(drawn == std::vector<float>{8, 2, 4, 4});
}

TEST_CASE("normalisation takes each channel's mean off and divides by its deviation") {
  TransformSpec spec;
  spec.mean = {1, 10};
  spec.deviation = {2, 0.5};
  const SampleTransform transform(spec, 0, {2, 1, 2});
  std::vector<float> features = {1, 3, 10, 11, 5, -1, 9.5, 10};
  transform.Normalize(2, features.data());
  CHECK(features == std::vector<float>{0, 1, 0, 2, 2, -1, -1, 0});
}

TEST_CASE("a slice is augmented and normalised in training, and only normalised in evaluation") {
  auto decoded = std::make_shared<DecodedData>();
  decoded->sample_shape = {1, 2, 2};
  decoded->samples = 1;
  decoded->pixels = {10, 20, 30, 40};
  decoded->labels = {1};
  const auto data = Dataset::Make(ContentsOf(decoded)).value();
  JobSpec job;
  job.seed = 3;
  job.scale = 0.5;
  job.transform = Augmented(true, 1);
  job.transform.mean = {5};
  job.transform.deviation = {5};
  SliceReader reader(*data, job);
  const std::vector<float> plain = {0, 1, 2, 3};
  bool changed = false, black = false;
  for (uint64_t step = 0; step < 30; ++step) {
    Batch batch = reader.Read({0});
    CHECK(std::vector<float>(batch.features, batch.features + 4) == plain);
    batch = reader.ReadForStep(step, {0});
    changed |= !std::equal(plain.begin(), plain.end(), batch.features);
    black |= *std::min_element(batch.features, batch.features + 4) == -1;
  }
  CHECK(changed);
  CHECK(black);  // a border of zeros, normalised
}

TEST_CASE("samples that are no images, or of other channels, cannot be transformed as asked") {
  TransformSpec spec;
  spec.mean = spec.deviation = {1, 1, 1};
  const auto error = [&](const Shape& shape) {
    return std::string(CheckImages(spec, shape).message());
  };
  CHECK(error({3, 4, 4}).empty());
  CHECK_THAT(error({4}), Contains("found samples of shape [4]"));
  CHECK_THAT(error({4, 4}), Contains("found samples of 1 channel(s); normalize has numbers for 3"));
  spec = Augmented(false, 4);
  CHECK(error({3, 5, 9}).empty());
  CHECK_THAT(error({3, 4, 9}), Contains("a crop with padding 4"));
  spec = TransformSpec();
  CHECK(error({4}).empty());
}

}  // namespace
}  // namespace paracord
