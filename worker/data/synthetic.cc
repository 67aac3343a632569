#include "worker/data/synthetic.h"

#include <algorithm>
#include <cmath>

#include "common/base/philox.h"
#include "common/base/status.h"

namespace paracord {
namespace {

// Streams of a set's seed.
constexpr uint64_t kMapStream = 1;
constexpr uint64_t kFeatureStream = 2;
constexpr uint64_t kNoiseStream = 3;

// Features are 24-bit integers and weights 16-bit ones: 2^24 products of them add up in 64 bits
// without rounding.
constexpr int kFeatureBits = 24;
constexpr int kWeightBits = 16;
constexpr float kFeatureUnit = 0x1p-23f;  // of [-1, 1)
constexpr int64_t kMostFeatures = int64_t{1} << 24;
constexpr int64_t kMostClasses = int64_t{1} << 24;  // labels are floats, and exact

// The top `bits` of a random word, as an integer of [-2^(bits-1), 2^(bits-1)).
int32_t SignedBits(uint32_t word, int bits) {
  return static_cast<int32_t>(word >> (32 - bits)) - (int32_t{1} << (bits - 1));
}

// Integers of row `row` of the stream `key`.
void DrawRow(uint64_t key, uint64_t row, int bits, std::vector<int32_t>* values) {
  PhiloxBlock block = {};
  for (size_t i = 0; i < values->size(); ++i) {
    if (i % 4 == 0) block = Philox(key, row, i / 4);
    (*values)[i] = SignedBits(block[i % 4], bits);
  }
}

class LinearMap {
 public:
  LinearMap(uint64_t key, int64_t features, int64_t outputs) : rows_(outputs) {
    for (int64_t i = 0; i < outputs; ++i) {
      rows_[i].resize(features);
      DrawRow(key, i, kWeightBits, &rows_[i]);
    }
  }
  // Output `row` in units of 2^-(kFeatureBits + kWeightBits - 2).
  int64_t Output(size_t row, const std::vector<int32_t>& features) const {
    int64_t sum = 0;
    for (size_t i = 0; i < features.size(); ++i) sum += int64_t{rows_[row][i]} * features[i];
    return sum;
  }
  int64_t Largest(const std::vector<int32_t>& features) const {
    int64_t best = 0, best_output = Output(0, features);
    for (size_t i = 1; i < rows_.size(); ++i) {
      const int64_t output = Output(i, features);
      if (output > best_output) best = static_cast<int64_t>(i), best_output = output;
    }
    return best;
  }

 private:
  std::vector<std::vector<int32_t>> rows_;
};

float ClassLabel(const DatasetSpec& spec, const LinearMap& map, const std::vector<int32_t>& row,
                 const PhiloxBlock& random) {
  if (ToUnitFloat(random[0]) < spec.noise) {
    return static_cast<float>((uint64_t{random[1]} * static_cast<uint64_t>(spec.classes)) >> 32);
  }
  return static_cast<float>(map.Largest(row));
}

float Target(const DatasetSpec& spec, const LinearMap& map, const std::vector<int32_t>& row,
             const PhiloxBlock& random) {
  // Products of two uniform numbers of [-1, 1) have variance 1/9, one such number 1/3.
  const double unit = std::ldexp(1.0, -(kFeatureBits + kWeightBits - 2));
  const double output = static_cast<double>(map.Output(0, row)) * unit;
  const double clean = output * (3 / std::sqrt(static_cast<double>(spec.features)));
  const double noise = (2.0 * ToUnitFloat(random[0]) - 1) * std::sqrt(3.0) * spec.noise;
  return static_cast<float>(clean + noise);
}

absl::Status Check(const DatasetSpec& spec) {
  if (spec.samples < 1 || spec.features < 1 || spec.features > kMostFeatures) {
    return absl::InvalidArgumentError(
        absl::StrCat("synthetic data: found ", spec.samples, " samples of ", spec.features,
                     " features; expected at least 1 of 1 to ", kMostFeatures));
  }
  if (spec.classes < 0 || spec.classes > kMostClasses) {
    return absl::InvalidArgumentError(absl::StrCat("synthetic data: found ", spec.classes,
                                                   " classes; expected 0 to ", kMostClasses));
  }
  if (!(spec.noise >= 0) || !std::isfinite(spec.noise) || (spec.classes > 0 && spec.noise > 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("synthetic data: found noise ", spec.noise,
                     spec.classes > 0 ? "; expected a share, 0 to 1" : "; expected 0 or above"));
  }
  RETURN_IF_ERROR(CheckFitsInMemory(spec.samples, spec.features));
  return CheckFitsInMemory(spec.classes, spec.features);
}

}  // namespace

absl::StatusOr<DecodedData> MakeSynthetic(const DatasetSpec& spec) {
  RETURN_IF_ERROR(Check(spec));
  const uint64_t map_key = MixKey(MixKey(spec.seed, kMapStream), spec.classes);
  const LinearMap map(map_key, spec.features, std::max<int64_t>(spec.classes, 1));
  const uint64_t feature_key = MixKey(MixKey(spec.seed, kFeatureStream), spec.samples);
  const uint64_t noise_key = MixKey(MixKey(spec.seed, kNoiseStream), spec.samples);
  DecodedData data;
  data.sample_shape = {spec.features};
  data.samples = static_cast<uint64_t>(spec.samples);
  data.features.resize(data.samples * spec.features);
  std::vector<int32_t> row(spec.features);
  float* next = data.features.data();
  for (uint64_t i = 0; i < data.samples; ++i) {
    DrawRow(feature_key, i, kFeatureBits, &row);
    for (const int32_t value : row) *next++ = static_cast<float>(value) * kFeatureUnit;
    const PhiloxBlock random = Philox(noise_key, 0, i);
    data.labels.push_back(spec.classes > 0 ? ClassLabel(spec, map, row, random)
                                           : Target(spec, map, row, random));
  }
  return data;
}

}  // namespace paracord
