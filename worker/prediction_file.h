// Where predictions go, sample after sample, all of them or no file.
//
//   FILE.npy   float32 [samples, the model's output]: probabilities of a softmax or a logistic
//              loss, values of any other
//   else       csv, a line a sample; of an output with positions (text), a line a position:
//              sample[,position][,class],p0,p1,...
//
// `class` is the largest probability's, the first of equal ones; of one logistic output whether it
// is at least one half; other losses, and several logistic outputs, have none. With `logits` the
// columns are z0, z1, ...: what the model gives before softmax or logistic function. Values are
// called v0, v1, ... A number is written with as many digits as bring back its bits.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/whole_file.h"
#include "common/job/model_spec.h"

namespace paracord {

struct PredictionLayout {
  LossKind loss = LossKind::kSoftmaxCrossEntropy;
  Shape output;                    // of one sample
  uint64_t samples = 0;            // in all
  std::vector<std::string> names;  // of the samples; none: they are numbered from 0
  bool logits = false;
};

// Turns one row of what a model gives into what is told of it, in place: softmax over all of it, or
// the logistic function of each. Without libm: the same bits on every host.
void ToProbabilities(LossKind loss, float* row, int64_t count);

class PredictionFile {
 public:
  static absl::StatusOr<std::unique_ptr<PredictionFile>> Open(const std::string& path,
                                                              const PredictionLayout& layout);
  // The next samples: outputs [rows, output], before softmax; they are changed.
  absl::Status Add(float* outputs, int64_t rows);
  absl::Status Commit() { return file_.Commit(); }

 private:
  PredictionFile(const std::string& path, const PredictionLayout& layout);
  std::string Header() const;
  void AppendLine(int64_t position, const float* row, int64_t predicted, std::string* text) const;
  int64_t ClassOf(const float* row) const;  // of probabilities or logits; -1: there is none

  WholeFile file_;
  const PredictionLayout layout_;
  const bool is_npy_;
  int64_t positions_ = 1, columns_ = 1;  // lines of a sample, outputs of a line
  bool has_class_ = false;
  uint64_t sample_ = 0;  // the next one
};

}  // namespace paracord
