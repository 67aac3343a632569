#include "worker/predict_session.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <utility>

#include "common/base/status.h"
#include "worker/tensor/device.h"

namespace paracord {
namespace {

// Of a safetensors file of the model's floats: its header may be as long as any may be.
constexpr uint64_t kMostHeaderBytes = uint64_t{128} << 20;

absl::Status Unexpected(const std::string& found, const std::string& expected) {
  return absl::InvalidArgumentError(absl::StrCat("found ", found, "; expected ", expected));
}

uint64_t FeatureFloats(const TrainedModel& trained) {
  return static_cast<uint64_t>(ShapeSize(trained.spec().model.input));
}

uint64_t MostWeightsBytes(const JobSpec& spec) {
  uint64_t floats = 0;
  for (const TensorSpec& tensor : spec.model.tensors)
    floats += static_cast<uint64_t>(tensor.size());
  return floats * sizeof(float) + kMostHeaderBytes;
}

std::string ClassName(const std::string& device, const std::string& isa,
                      const std::string& library) {
  return absl::StrCat(device, " ", isa, " ", library);
}

absl::Status CheckClass(const ComputeClass& own, const pb::ComputeClass& wanted) {
  if (own == ComputeClass{wanted.device(), wanted.isa(), wanted.library()}) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "found ", ClassName(own.device, own.isa, own.library), "; expected ",
      ClassName(wanted.device(), wanted.isa(), wanted.library()), ", or bits would differ"));
}

}  // namespace

uint64_t MostRowsOfPart(const TrainedModel& trained) {
  const uint64_t floats =
      std::max(FeatureFloats(trained), static_cast<uint64_t>(trained.outputs()));
  return std::clamp<uint64_t>(kMostPartFloats / floats, 1, kMostPartRows);
}

PredictSession::PredictSession(std::string folder, int threads)
    : folder_(std::move(folder)), threads_(threads) {}

absl::StatusOr<pb::PredictReply> PredictSession::Answer(const pb::PredictRequest& request) {
  if (request.has_model()) RETURN_IF_ERROR(Begin(request.model()));
  if (!request.weights().empty()) RETURN_IF_ERROR(AddWeights(request.weights()));
  if (request.rows() > 0) RETURN_IF_ERROR(BeginPart(request.rows()));
  if (!request.features().empty()) RETURN_IF_ERROR(AddFeatures(request.features()));
  pb::PredictReply reply;
  const size_t left = outputs_.size() * sizeof(float) - outputs_told_;
  const size_t count = std::min(left, kMostPieceBytes);
  reply.set_outputs(reinterpret_cast<const char*>(outputs_.data()) + outputs_told_, count);
  outputs_told_ += count;
  return reply;
}

absl::Status PredictSession::Begin(const pb::PredictModel& model) {
  if (spec_ != nullptr) return Unexpected("a second model", "its weights, or samples");
  // No file of the job is read here: it does not matter what its paths are relative to.
  ASSIGN_OR_RETURN(JobSpec spec, ParseJobOrStatus(model.yaml(), "/"));
  // A worker predicts on its CPU: its GPUs are its tasks'.
  ASSIGN_OR_RETURN(const auto device, OpenDevice(DeviceKind::kCpu));
  RETURN_IF_ERROR(CheckClass(device->compute_class(), model.compute()));
  spec_ = std::make_unique<JobSpec>(std::move(spec));
  weights_left_ = model.weights_bytes();
  if (weights_left_ == 0 || weights_left_ > MostWeightsBytes(*spec_)) {
    return Unexpected(absl::StrCat(weights_left_, " bytes of weights"), "those of the model");
  }
  file_.open(WeightsPath(), std::ios::binary | std::ios::trunc);
  if (file_.good()) return absl::OkStatus();
  return absl::UnknownError(absl::StrCat("cannot write ", WeightsPath()));
}

absl::Status PredictSession::AddWeights(const std::string& bytes) {
  if (bytes.size() > weights_left_) {
    return Unexpected(absl::StrCat(bytes.size(), " bytes of weights"),
                      absl::StrCat("at most ", weights_left_));
  }
  file_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  weights_left_ -= bytes.size();
  if (weights_left_ == 0) file_.close();
  if (!file_.good()) return absl::UnknownError(absl::StrCat("cannot write ", WeightsPath()));
  if (weights_left_ > 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(trained_, TrainedModel::Open(*spec_, WeightsPath()));
  crew_ = std::make_unique<BatchCrew>(*trained_, threads_, MostRowsOfPart(*trained_));
  std::error_code ignored;
  std::filesystem::remove(WeightsPath(), ignored);  // they are in memory
  return absl::OkStatus();
}

absl::Status PredictSession::BeginPart(uint64_t rows) {
  if (trained_ == nullptr) return Unexpected("a part", "a model and its weights first");
  if (rows_ > 0) return Unexpected("another part", "the rest of the one before");
  if (rows > MostRowsOfPart(*trained_)) {
    return Unexpected(absl::StrCat("a part of ", rows, " rows"),
                      absl::StrCat("at most ", MostRowsOfPart(*trained_)));
  }
  rows_ = rows;
  features_.resize(rows * FeatureFloats(*trained_));
  features_there_ = 0;
  return absl::OkStatus();
}

absl::Status PredictSession::AddFeatures(const std::string& bytes) {
  const size_t whole = rows_ == 0 ? 0 : features_.size() * sizeof(float);
  if (bytes.size() > whole - std::min(whole, features_there_)) {
    return Unexpected(absl::StrCat(bytes.size(), " bytes of features"), "those of a part's rows");
  }
  std::memcpy(reinterpret_cast<char*>(features_.data()) + features_there_, bytes.data(),
              bytes.size());
  features_there_ += bytes.size();
  return features_there_ == whole ? AskPart() : absl::OkStatus();
}

absl::Status PredictSession::AskPart() {
  const uint64_t rows = std::exchange(rows_, 0);
  const auto read = [&](int, uint64_t first, uint64_t count) {
    const float* features = features_.data() + first * FeatureFloats(*trained_);
    return Batch{features, nullptr, static_cast<int64_t>(count)};
  };
  outputs_told_ = 0;
  return crew_->Ask(rows, read, &outputs_);
}

}  // namespace paracord
