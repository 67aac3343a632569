// What is told of a loss or a gradient that is not finite: the task ends with it before any of that
// gradient is pushed, so that the job's weights stay as they were, or skips the step and goes on.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "common/job/key_range.h"
#include "common/job/sampler.h"

namespace paracord {

inline constexpr const char* kNonFinite = "NonFinite";  // the failure's code

// `what`: "the loss is nan". Names step, epoch, virtual worker, and the samples of its slice by
// their places in the training data.
absl::Status NonFiniteError(const std::string& what, const Sampler& sampler, uint64_t step,
                            uint32_t virtual_worker);

// "tensor 0.weight is inf at its float 7": the first within `floats` of the model, whose gradients
// or weights are at `values`, its tensors one after the other. Empty: all are finite.
std::string FirstNonFinite(const BlockGrid& grid, const FloatRange& floats, const float* values);

}  // namespace paracord
