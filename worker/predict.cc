#include "worker/predict.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "common/base/crew.h"
#include "common/base/status.h"
#include "worker/data/dataset.h"
#include "worker/data/model_check.h"
#include "worker/prediction_file.h"
#include "worker/prediction_input.h"
#include "worker/slice_reader.h"

namespace paracord {
namespace {

// One thread's pass and buffers.
class Asker {
 public:
  Asker(const TrainedModel& trained, const Dataset& data)
      : trained_(trained),
        pass_(trained.model(), trained.BatchRows()),
        reader_(data, trained.spec()) {}

  absl::Status Ask(uint64_t first, uint64_t last, std::vector<float>* outputs) {
    indices_.clear();
    for (uint64_t i = first; i < last; ++i) indices_.push_back(i);
    outputs->resize(indices_.size() * static_cast<size_t>(trained_.outputs()));
    return trained_.Ask(&pass_, reader_.Read(indices_), outputs->data());
  }

 private:
  const TrainedModel& trained_;
  Pass pass_;
  SliceReader reader_;
  std::vector<uint64_t> indices_;
};

// A round: as many batches side by side as there are threads.
absl::Status PredictAll(const TrainedModel& trained, const Dataset& data, int threads,
                        PredictionFile* file) {
  const uint64_t samples = data.samples(), rows = static_cast<uint64_t>(trained.BatchRows());
  const uint64_t batches = (samples + rows - 1) / rows;
  Crew crew(static_cast<int>(std::min<uint64_t>(batches, static_cast<uint64_t>(threads))));
  std::vector<std::unique_ptr<Asker>> askers;
  for (int i = 0; i < crew.threads(); ++i) askers.push_back(std::make_unique<Asker>(trained, data));
  std::vector<std::vector<float>> outputs(askers.size());
  for (uint64_t batch = 0; batch < batches; batch += askers.size()) {
    const uint64_t round = std::min<uint64_t>(askers.size(), batches - batch);
    const auto ask = [&](int thread, uint32_t item) {
      const uint64_t first = (batch + item) * rows;
      return askers[static_cast<size_t>(thread)]->Ask(first, std::min(samples, first + rows),
                                                      &outputs[item]);
    };
    RETURN_IF_ERROR(crew.Run(static_cast<uint32_t>(round), ask));
    for (uint64_t i = 0; i < round; ++i) {
      const auto count = static_cast<int64_t>(outputs[i].size()) / trained.outputs();
      RETURN_IF_ERROR(file->Add(outputs[i].data(), count));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<uint64_t> Predict(const TrainedModel& trained, const PredictRequest& request) {
  const JobSpec& job = trained.spec();
  ASSIGN_OR_RETURN(const DatasetSpec input, PredictionInput(job, request.input));
  ASSIGN_OR_RETURN(const auto data, OpenDataset(input, ""));
  RETURN_IF_ERROR(CheckAgainstModel(*data, input, job.model));
  RETURN_IF_ERROR(CheckTransform(*data, input, job.transform));
  PredictionLayout layout;
  layout.loss = job.model.loss;
  layout.output = job.model.output();
  layout.samples = data->samples();
  layout.logits = request.logits;
  ASSIGN_OR_RETURN(layout.names, SampleNames(input));
  if (!layout.names.empty() && layout.names.size() != layout.samples) {
    return absl::InvalidArgumentError(
        absl::StrCat(request.input, ": changed while it was being read"));
  }
  ASSIGN_OR_RETURN(const auto file, PredictionFile::Open(request.out, layout));
  RETURN_IF_ERROR(PredictAll(trained, *data, request.threads, file.get()));
  RETURN_IF_ERROR(file->Commit());
  return data->samples();
}

}  // namespace paracord
