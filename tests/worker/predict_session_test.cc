#include "worker/predict_session.h"

#include <cstring>
#include <filesystem>

#include "tests/worker/trained_files.h"
#include "worker/tensor/compute_class.h"

namespace paracord {
namespace {

// A job's text and weights, and a session that may be given them.
struct SessionFixture {
  TrainedFiles files;
  std::unique_ptr<TrainedModel> trained;
  std::string weights;
  PredictSession session;

  static constexpr const char* kModel =
      "{input: [3], layers: [{linear: 4}, relu, {linear: 2}], loss: softmax_cross_entropy}";
  static constexpr const char* kData =
      "{train: {format: synthetic, samples: 9, features: 3, classes: 2}}";

  SessionFixture()
      : trained(files.Train(files.Job(kModel, kData))),
        weights(*ReadFile(files.Path("w.safetensors"))),
        session(Folder(), 2) {}
  std::string Folder() const {
    std::filesystem::create_directories(files.Path("session"));
    return files.Path("session");
  }
  pb::PredictRequest Model() const {
    pb::PredictRequest request;
    request.mutable_model()->set_yaml(files.Text(kModel, kData));
    request.mutable_model()->set_weights_bytes(weights.size());
    const ComputeClass own = CpuComputeClass();
    request.mutable_model()->mutable_compute()->set_device(own.device);
    request.mutable_model()->mutable_compute()->set_isa(own.isa);
    request.mutable_model()->mutable_compute()->set_library(own.library);
    return request;
  }
  static pb::PredictRequest Weights(const std::string& bytes) {
    pb::PredictRequest request;
    request.set_weights(bytes);
    return request;
  }
  static pb::PredictRequest Features(uint32_t rows, const std::string& bytes) {
    pb::PredictRequest request;
    request.set_rows(rows);
    request.set_features(bytes);
    return request;
  }
  void BeReady() {
    REQUIRE(session.Answer(Model()).ok());
    REQUIRE(session.Answer(Weights(weights)).ok());
  }
  // By one pass, all at once.
  std::string Plain(const std::vector<float>& features) const {
    const int64_t rows = static_cast<int64_t>(features.size()) / 3;
    Pass pass(trained->model(), rows);
    std::vector<float> outputs(static_cast<size_t>(rows * trained->outputs()));
    REQUIRE(trained->Ask(&pass, {features.data(), nullptr, rows}, outputs.data()).ok());
    return FloatBytes(outputs);
  }
};

std::string Why(const absl::StatusOr<pb::PredictReply>& reply) {
  return std::string(reply.status().message());
}

TEST_CASE("parts are answered with the bits of one plain pass, in whatever pieces they come") {
  for (const size_t piece : {size_t{1}, size_t{7}, size_t{4096}}) {
    INFO("pieces of " << piece);
    SessionFixture f;
    REQUIRE(f.session.Answer(f.Model()).ok());
    for (size_t at = 0; at < f.weights.size(); at += piece) {
      REQUIRE(f.session.Answer(f.Weights(f.weights.substr(at, piece))).ok());
    }
    CHECK(std::filesystem::is_empty(f.Folder()));  // the weights are in memory
    for (const uint32_t rows : {1u, 5u, 200u}) {
      const std::vector<float> features = RandomFloats(rows, rows * 3, 2);
      const std::string bytes = FloatBytes(features);
      std::string outputs;
      for (size_t at = 0; at < bytes.size(); at += piece) {
        const auto reply =
            f.session.Answer(f.Features(at == 0 ? rows : 0, bytes.substr(at, piece)));
        REQUIRE(reply.ok());
        outputs += reply->outputs();
      }
      CHECK(outputs == f.Plain(features));
    }
  }
}

TEST_CASE("outputs larger than a message come piece after piece") {
  SessionFixture f;
  const std::string model = "{input: [1], layers: [{linear: 1000000}], loss: mse}";
  const auto trained =
      f.files.Train(f.files.Job(model, "{train: {format: npy, features: x.npy, labels: y.npy}}"));
  f.weights = *ReadFile(f.files.Path("w.safetensors"));
  pb::PredictRequest begin = f.Model();
  begin.mutable_model()->set_yaml(
      f.files.Text(model, "{train: {format: npy, features: x.npy, labels: y.npy}}"));
  REQUIRE(f.session.Answer(begin).ok());
  for (size_t at = 0; at < f.weights.size(); at += kMostPieceBytes) {
    REQUIRE(f.session.Answer(f.Weights(f.weights.substr(at, kMostPieceBytes))).ok());
  }
  CHECK(MostRowsOfPart(*trained) == 2);
  std::string outputs;
  pb::PredictRequest request = f.Features(2, FloatBytes({1, 2}));
  while (true) {
    const auto reply = f.session.Answer(request);
    REQUIRE(reply.ok());
    CHECK(reply->outputs().size() <= kMostPieceBytes);
    if (reply->outputs().empty()) break;
    outputs += reply->outputs();
    request.Clear();
  }
  CHECK(outputs.size() == 2 * 1000000 * sizeof(float));
}

TEST_CASE("messages out of turn are refused with what was expected") {
  SessionFixture f;
  CHECK(Why(f.session.Answer(f.Features(1, "x"))).find("a model and its weights first") !=
        std::string::npos);
  CHECK(Why(f.session.Answer(f.Weights("x"))).find("at most 0") != std::string::npos);
  f.BeReady();
  CHECK(Why(f.session.Answer(f.Model())).find("a second model") != std::string::npos);
  CHECK(Why(f.session.Answer(f.Weights("x"))).find("at most 0") != std::string::npos);
  CHECK(Why(f.session.Answer(f.Features(0, "x"))).find("those of a part's rows") !=
        std::string::npos);
  CHECK(Why(f.session.Answer(f.Features(1, std::string(13, 'x')))).find("13 bytes") !=
        std::string::npos);
  CHECK(Why(f.session.Answer(f.Features(1, "x"))).find("the rest of the one before") !=
        std::string::npos);
  CHECK(Why(SessionFixture().session.Answer(pb::PredictRequest())).empty());
}

TEST_CASE("a model that would compute other bits, or that is none, is refused") {
  const auto refused = [](const auto& change) {
    SessionFixture f;
    pb::PredictRequest request = f.Model();
    change(request.mutable_model());
    return f.session.Answer(request).status();
  };
  CHECK(refused([](pb::PredictModel*) {}).ok());
  CHECK(absl::IsFailedPrecondition(
      refused([](pb::PredictModel* m) { m->mutable_compute()->set_isa("AVX512_OTHER"); })));
  CHECK(absl::IsInvalidArgument(refused([](pb::PredictModel* m) { m->set_yaml("name: ["); })));
  CHECK(absl::IsInvalidArgument(refused([](pb::PredictModel* m) { m->set_weights_bytes(0); })));
  CHECK(absl::IsInvalidArgument(
      refused([](pb::PredictModel* m) { m->set_weights_bytes(uint64_t{1} << 62); })));
  SessionFixture f;
  REQUIRE(f.session.Answer(f.Model()).ok());
  CHECK_FALSE(f.session.Answer(f.Weights(std::string(f.weights.size(), 'x'))).ok());
}

TEST_CASE("a part of more rows than there is room for is refused") {
  SessionFixture f;
  f.BeReady();
  CHECK(MostRowsOfPart(*f.trained) == kMostPartRows);
  CHECK(Why(f.session.Answer(f.Features(kMostPartRows + 1, "x"))).find("at most 4096") !=
        std::string::npos);
}

}  // namespace
}  // namespace paracord
