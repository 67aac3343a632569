#include "worker/batch_crew.h"

#include <algorithm>

#include "worker/memory_guard.h"

namespace paracord {
namespace {

int UsefulThreads(int threads, uint64_t most_rows) {
  return static_cast<int>(std::clamp<uint64_t>(most_rows, 1, static_cast<uint64_t>(threads)));
}

}  // namespace

BatchCrew::BatchCrew(const TrainedModel& trained, int threads, uint64_t most_rows)
    : trained_(trained), crew_(UsefulThreads(threads, most_rows)) {
  for (int i = 0; i < crew_.threads(); ++i) {
    passes_.push_back(std::make_unique<Pass>(trained.model(), trained.BatchRows()));
  }
}

absl::Status BatchCrew::Ask(uint64_t rows, const Read& read, std::vector<float>* outputs) {
  const auto threads = static_cast<uint64_t>(crew_.threads());
  const auto most = static_cast<uint64_t>(trained_.BatchRows());
  const uint64_t batch_rows = std::clamp<uint64_t>((rows + threads - 1) / threads, 1, most);
  outputs->resize(rows * static_cast<size_t>(trained_.outputs()));
  const auto ask = [&](int thread, uint32_t item) {
    const uint64_t first = item * batch_rows, count = std::min(batch_rows, rows - first);
    float* to = outputs->data() + first * static_cast<size_t>(trained_.outputs());
    return NameOutOfMemory([&] { return absl::StrCat("predicting ", count, " samples"); },
                           [&] {
                             return trained_.Ask(passes_[static_cast<size_t>(thread)].get(),
                                                 read(thread, first, count), to);
                           });
  };
  return crew_.Run(static_cast<uint32_t>((rows + batch_rows - 1) / batch_rows), ask);
}

}  // namespace paracord
