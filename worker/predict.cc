#include "worker/predict.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "worker/batch_crew.h"
#include "worker/data/dataset.h"
#include "worker/data/model_check.h"
#include "worker/predict_session.h"
#include "worker/prediction_file.h"
#include "worker/prediction_input.h"
#include "worker/prediction_parts.h"
#include "worker/slice_reader.h"

namespace paracord {
namespace {

constexpr uint64_t kPartsPerWorker = 4;  // at least: the last to finish is waited for
constexpr uint64_t kFewestRows = 64;     // of a part, for all that

// Samples of one part, as one thread reads them.
class PartReader {
 public:
  PartReader(const TrainedModel& trained, const Dataset& data) : reader_(data, trained.spec()) {}

  Batch Read(uint64_t first, uint64_t rows) {
    indices_.resize(rows);
    std::iota(indices_.begin(), indices_.end(), first);
    return reader_.Read(indices_);
  }

 private:
  SliceReader reader_;
  std::vector<uint64_t> indices_;
};

// Answers what is left by the threads of this process.
absl::Status AnswerHere(const TrainedModel& trained, const Dataset& data, int threads,
                        uint64_t most_rows, PredictionParts* parts) {
  auto part = parts->Take();
  if (!part) return absl::OkStatus();
  BatchCrew crew(trained, threads, most_rows);
  std::vector<PartReader> readers(static_cast<size_t>(crew.threads()), PartReader(trained, data));
  for (; part; part = parts->Take()) {
    const auto read = [&](int thread, uint64_t first, uint64_t rows) {
      return readers[static_cast<size_t>(thread)].Read(part->first + first, rows);
    };
    std::vector<float> outputs;
    RETURN_IF_ERROR(crew.Ask(part->rows, read, &outputs));
    parts->Finish(*part, std::move(outputs));
  }
  return absl::OkStatus();
}

// Parts that it has answered; all that there are, or until its first error.
uint64_t AnswerThere(const TrainedModel& trained, const Dataset& data, RemotePredictor& worker,
                     PredictionParts* parts, std::string* note) {
  PartReader reader(trained, data);
  uint64_t answered = 0;
  while (const auto part = parts->Take()) {
    const float* features = reader.Read(part->first, part->rows).features;
    std::vector<float> outputs(part->rows * static_cast<size_t>(trained.outputs()));
    const absl::Status status = worker.Ask(
        part->rows, {features, part->rows * static_cast<uint64_t>(data.features())}, &outputs);
    if (!status.ok()) {
      parts->GiveBack(*part);
      *note = absl::StrCat("worker at ", worker.address(), ": ", Describe(status));
      break;
    }
    parts->Finish(*part, std::move(outputs));
    ++answered;
  }
  return answered;
}

void AnswerByWorkers(const TrainedModel& trained, const Dataset& data,
                     const PredictRequest& request, PredictionParts* parts, Predicted* told) {
  const size_t count = request.workers.size();
  SystemTimer timer;
  std::vector<uint64_t> answered(count);
  std::vector<std::string> notes(count);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      RemotePredictor worker(request.workers[i], request.model, timer);
      answered[i] = AnswerThere(trained, data, worker, parts, &notes[i]);
    });
  }
  for (size_t i = 0; i < count; ++i) {
    threads[i].join();
    if (answered[i] > 0) ++told->workers;
    if (!notes[i].empty()) told->notes.push_back(std::move(notes[i]));
  }
}

absl::Status PredictAll(const TrainedModel& trained, const Dataset& data,
                        const PredictRequest& request, PredictionFile* file, Predicted* told) {
  const uint64_t samples = data.samples(), workers = request.workers.size();
  const auto threads = static_cast<uint64_t>(request.threads);
  uint64_t rows = static_cast<uint64_t>(trained.BatchRows()) * threads;
  if (workers > 0) {
    const uint64_t share = samples / (workers * kPartsPerWorker) + 1;
    rows = std::min(MostRowsOfPart(trained), std::max(kFewestRows, share));
  }
  PredictionParts parts(samples, rows, std::max<uint64_t>(1, workers * kPartsPerWorker), file);
  if (workers > 0) AnswerByWorkers(trained, data, request, &parts, told);
  RETURN_IF_ERROR(AnswerHere(trained, data, request.threads, std::min(rows, samples), &parts));
  return parts.status();
}

}  // namespace

absl::StatusOr<Predicted> Predict(const TrainedModel& trained, const PredictRequest& request) {
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
  Predicted told;
  told.samples = layout.samples;
  RETURN_IF_ERROR(PredictAll(trained, *data, request, file.get(), &told));
  RETURN_IF_ERROR(file->Commit());
  return told;
}

}  // namespace paracord
