#include "worker/remote_predictor.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "common/base/status.h"
#include "common/rpc/rpc.h"
#include "worker/predict_session.h"

namespace paracord {
namespace {

constexpr Duration kEndPatience = seconds(5);  // with a daemon that tidies up

}  // namespace

struct RemotePredictor::Conversation {
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReaderWriter<pb::PredictRequest, pb::PredictReply>> stream;
  TimePoint begun = Clock::now();
};

RemotePredictor::RemotePredictor(const std::string& address, const PredictorModel& model,
                                 Timer& timer, Patience patience)
    : address_(address),
      model_(model),
      timer_(timer),
      patience_(patience),
      stub_(pb::WorkerNode::NewStub(OpenChannel(address))) {}

RemotePredictor::~RemotePredictor() { End(); }

// The timer's action may come late: the call is there as long as that is.
uint64_t RemotePredictor::CancelAfter(Duration delay) {
  return timer_.RunAfter(delay, [call = call_] { call->context.TryCancel(); });
}

void RemotePredictor::End() {
  if (call_ == nullptr) return;
  const uint64_t limit = CancelAfter(kEndPatience);
  call_->stream->WritesDone();
  (void)call_->stream->Finish();
  timer_.Cancel(limit);
  call_.reset();
}

absl::StatusOr<pb::PredictReply> RemotePredictor::Exchange(const pb::PredictRequest& request) {
  const uint64_t limit = CancelAfter(patience_.answer);
  pb::PredictReply reply;
  absl::Status status;
  const bool answered = call_->stream->Write(request) && call_->stream->Read(&reply);
  if (!answered) status = FromGrpc(call_->stream->Finish());
  const bool in_time = timer_.Cancel(limit);
  if (answered) return reply;
  call_.reset();
  if (!in_time) return absl::DeadlineExceededError("no answer in time");
  return status.ok() ? absl::UnavailableError("the call has ended") : status;
}

absl::Status RemotePredictor::Connect() {
  if (call_ != nullptr && Clock::now() - call_->begun < patience_.call) return absl::OkStatus();
  End();
  call_ = std::make_shared<Conversation>();
  call_->context.set_deadline(
      std::chrono::system_clock::now() +
      std::chrono::duration_cast<milliseconds>(2 * patience_.call + patience_.answer));
  call_->stream = stub_->Predict(&call_->context);
  return SendWeights();
}

absl::Status RemotePredictor::SendWeights() {
  std::error_code error;
  const uint64_t bytes = std::filesystem::file_size(model_.weights, error);
  std::ifstream file(model_.weights, std::ios::binary);
  if (error || !file) return absl::NotFoundError(absl::StrCat(model_.weights, ": cannot be read"));
  pb::PredictRequest request;
  request.mutable_model()->set_yaml(model_.yaml);
  request.mutable_model()->set_weights_bytes(bytes);
  request.mutable_model()->mutable_compute()->set_device(model_.compute.device);
  request.mutable_model()->mutable_compute()->set_isa(model_.compute.isa);
  request.mutable_model()->mutable_compute()->set_library(model_.compute.library);
  RETURN_IF_ERROR(Exchange(request).status());
  request.clear_model();
  std::string& piece = *request.mutable_weights();
  for (uint64_t sent = 0; sent < bytes; sent += piece.size()) {
    piece.resize(std::min<uint64_t>(kMostPieceBytes, bytes - sent));
    if (!file.read(piece.data(), static_cast<std::streamsize>(piece.size()))) {
      return absl::DataLossError(absl::StrCat(model_.weights, ": has become shorter"));
    }
    RETURN_IF_ERROR(Exchange(request).status());
  }
  return absl::OkStatus();
}

absl::Status RemotePredictor::Ask(uint64_t rows, std::span<const float> features,
                                  std::vector<float>* outputs) {
  RETURN_IF_ERROR(Connect());
  const std::string_view from(reinterpret_cast<const char*>(features.data()),
                              features.size() * sizeof(float));
  char* const to = reinterpret_cast<char*>(outputs->data());
  const size_t whole = outputs->size() * sizeof(float);
  pb::PredictRequest request;
  request.set_rows(static_cast<uint32_t>(rows));
  size_t told = 0;
  for (size_t sent = 0; told < whole;) {
    const std::string_view piece = from.substr(sent, kMostPieceBytes);
    request.set_features(piece.data(), piece.size());
    ASSIGN_OR_RETURN(const pb::PredictReply reply, Exchange(request));
    sent += piece.size();
    const std::string& got = reply.outputs();
    if (got.size() > whole - told || (got.empty() && sent == from.size())) {
      return absl::DataLossError(
          absl::StrCat("found ", told + got.size(), " bytes of outputs; expected ", whole));
    }
    std::memcpy(to + told, got.data(), got.size());
    told += got.size();
    request.clear_rows();
  }
  return absl::OkStatus();
}

}  // namespace paracord
