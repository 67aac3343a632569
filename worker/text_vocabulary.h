// Text as tokens and back, as the job's training data have them. Immutable; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/job/job_spec.h"

namespace paracord {

class TextVocabulary {
 public:
  virtual ~TextVocabulary() = default;

  virtual int64_t size() const = 0;  // tokens are [0, size)
  virtual std::vector<int64_t> Encode(std::string_view text) const = 0;
  virtual std::string Decode(const std::vector<int64_t>& tokens) const = 0;
};

// InvalidArgument: the job's data are no text.
absl::StatusOr<std::unique_ptr<TextVocabulary>> OpenVocabulary(const DatasetSpec& train);

}  // namespace paracord
