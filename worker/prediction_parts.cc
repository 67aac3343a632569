#include "worker/prediction_parts.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"

namespace paracord {

PredictionParts::PredictionParts(uint64_t samples, uint64_t rows, uint64_t window,
                                 PredictionFile* file)
    : samples_(samples),
      rows_(rows),
      window_(window),
      count_((samples + rows - 1) / rows),
      file_(file) {}

PredictionParts::Part PredictionParts::At(uint64_t index) const {
  const uint64_t first = index * rows_;
  return {index, first, std::min(rows_, samples_ - first)};
}

std::optional<PredictionParts::Part> PredictionParts::Take() {
  MutexLock lock(mutex_);
  while (status_.ok() && written_ < count_) {
    if (!back_.empty()) return At(back_.extract(back_.begin()).value());
    if (next_ < count_ && next_ < written_ + window_) return At(next_++);
    changed_.Wait(mutex_);
  }
  return std::nullopt;
}

void PredictionParts::GiveBack(const Part& part) {
  MutexLock lock(mutex_);
  back_.insert(part.index);
  changed_.NotifyAll();
}

void PredictionParts::Finish(const Part& part, std::vector<float> outputs) {
  MutexLock lock(mutex_);
  finished_[part.index] = std::move(outputs);
  WriteWhatIsNext();
  changed_.NotifyAll();
}

void PredictionParts::WriteWhatIsNext() {
  while (status_.ok() && finished_.contains(written_)) {
    auto found = finished_.extract(written_);
    status_.Update(file_->Add(found.mapped().data(), static_cast<int64_t>(At(written_).rows)));
    ++written_;
  }
}

void PredictionParts::Fail(const absl::Status& status) {
  MutexLock lock(mutex_);
  status_.Update(status);
  changed_.NotifyAll();
}

absl::Status PredictionParts::status() {
  MutexLock lock(mutex_);
  if (status_.ok() && written_ < count_) {
    return absl::InternalError(absl::StrCat(count_ - written_, " parts have not been answered"));
  }
  return status_;
}

}  // namespace paracord
