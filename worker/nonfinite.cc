#include "worker/nonfinite.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "worker/tensor/finite.h"

namespace paracord {
namespace {

constexpr size_t kMostSamplesNamed = 16;

std::string Samples(const std::vector<uint64_t>& indices) {
  const size_t named = std::min(indices.size(), kMostSamplesNamed);
  const auto end = indices.begin() + static_cast<int64_t>(named);
  return absl::StrCat("its slice has ", indices.size(),
                      " samples of the training data: ", absl::StrJoin(indices.begin(), end, ", "),
                      named < indices.size() ? ", ..." : "");
}

}  // namespace

absl::Status NonFiniteError(const std::string& what, const Sampler& sampler, uint64_t step,
                            uint32_t virtual_worker) {
  return NamedError(absl::StatusCode::kInvalidArgument, kNonFinite,
                    absl::StrCat(what, " at step ", step, ", epoch ", sampler.EpochOf(step),
                                 ", virtual worker ", virtual_worker, "; expected finite numbers; ",
                                 Samples(sampler.Slice(step, virtual_worker))));
}

std::string FirstNonFinite(const BlockGrid& grid, const FloatRange& floats, const float* values) {
  if (AllFinite(static_cast<int64_t>(floats.size()), values + floats.begin)) return "";
  uint64_t at = floats.begin;
  while (std::isfinite(values[at])) ++at;
  uint64_t before = 0;  // floats of the tensors in front of its own
  size_t tensor = 0;
  for (; at >= before + static_cast<uint64_t>(grid.tensors()[tensor].size()); ++tensor) {
    before += static_cast<uint64_t>(grid.tensors()[tensor].size());
  }
  return absl::StrCat("tensor ", grid.tensors()[tensor].name, " is ",
                      std::isnan(values[at]) ? "nan"
                      : values[at] > 0       ? "inf"
                                             : "-inf",
                      " at its float ", at - before);
}

}  // namespace paracord
