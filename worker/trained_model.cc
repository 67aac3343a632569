#include "worker/trained_model.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_join.h"
#include "common/base/safetensors_file.h"
#include "common/base/status.h"
#include "common/job/match_weights.h"

namespace paracord {
namespace {

constexpr int64_t kMostRows = 256;
constexpr int64_t kMostFloats = int64_t{1} << 26;  // of a pass

}  // namespace

absl::StatusOr<std::unique_ptr<TrainedModel>> TrainedModel::Open(const JobSpec& spec,
                                                                 const std::string& weights) {
  std::unique_ptr<TrainedModel> trained(new TrainedModel(spec));
  ASSIGN_OR_RETURN(trained->device_, OpenDevice(PredictingDevice(spec)));
  ASSIGN_OR_RETURN(trained->model_, Model::Build(trained->spec_.model, *trained->device_));
  RETURN_IF_ERROR(trained->ReadWeights(weights));
  return trained;
}

absl::Status TrainedModel::ReadWeights(const std::string& path) {
  ASSIGN_OR_RETURN(const auto file, SafetensorsFile::Open(path));
  const WeightsMatch match = MatchWeights(spec_.model.tensors, {}, file->tensors());
  if (!match.mismatches.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ", absl::StrJoin(match.mismatches, "\n")));
  }
  std::vector<float> values;
  for (size_t i = 0; i < spec_.model.tensors.size(); ++i) {
    const int64_t size = spec_.model.tensors[i].size();
    values.resize(static_cast<size_t>(size));
    RETURN_IF_ERROR(file->Read(file->tensors()[match.sources[i]], 0, values.size(), values.data()));
    const auto bad = std::find_if(values.begin(), values.end(),
                                  [](float value) { return !std::isfinite(value); });
    if (bad != values.end()) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": tensor ", spec_.model.tensors[i].name,
                                                     ": value ", bad - values.begin(), ": found ",
                                                     *bad, "; expected a finite number"));
    }
    ASSIGN_OR_RETURN(tensors_.emplace_back(), device_->Allocate(size));
    RETURN_IF_ERROR(device_->CopyIn(values.data(), size, tensors_.back().data()));
    weights_.push_back(tensors_.back().data());
  }
  return device_->Finish();
}

int64_t TrainedModel::BatchRows() const {
  int64_t rows = kMostRows;
  while (rows > 1 && model_->PassFloats(rows) > kMostFloats) rows /= 2;
  return rows;
}

absl::Status TrainedModel::Ask(Pass* pass, const Batch& given, float* outputs) const {
  Batch batch = given;
  Buffer features;
  if (!device_->host_memory()) {
    const int64_t floats = batch.rows * ShapeSize(spec_.model.input);
    ASSIGN_OR_RETURN(features, device_->Allocate(floats));
    RETURN_IF_ERROR(device_->CopyIn(batch.features, floats, features.data()));
    batch.features = features.data();
  }
  RETURN_IF_ERROR(pass->Forward(weights_, batch, {false, spec_.seed, 0, 0}, nullptr));
  return pass->CopyOutputs(batch, outputs);
}

}  // namespace paracord
