// Real worker programs that predict for a service in this process.
#include "worker/predict_calls.h"

#include <filesystem>
#include <fstream>
#include <thread>

#include "common/base/child_process.h"
#include "common/base/npy_header.h"
#include "common/rpc/rpc.h"
#include "tests/worker/trained_files.h"
#include "worker/node_service.h"
#include "worker/predict.h"

namespace paracord {
namespace {

constexpr const char* kModel =
    "{input: [3], layers: [{linear: 4}, relu, {linear: 2}], loss: softmax_cross_entropy}";
constexpr const char* kData = "{train: {format: synthetic, samples: 9, features: 3, classes: 2}}";

std::string WorkerProgram() { return BinaryDirectory() + "/paracord-worker"; }

// A daemon's service over a folder of its own.
struct Node {
  TemporaryDirectory directory;
  std::unique_ptr<NodeService> service;

  explicit Node(const std::string& binary = WorkerProgram(), Duration patience = seconds(60)) {
    PredictCalls::Options options;
    options.binary = binary;
    options.directory = directory.path();
    options.threads = 2;
    options.patience = patience;
    service = NodeService::Start("127.0.0.1:0", "", options).value();
  }
  std::string address() const { return service->address(); }
  bool IsTidy() const {
    const std::string folder = directory.path() + "/predict";
    return !std::filesystem::exists(folder) || std::filesystem::is_empty(folder);
  }
  // The children that there are: their command lines have the folder's name.
  int Children() const {
    int count = 0;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
      std::ifstream in(entry.path() / "cmdline", std::ios::binary);
      const std::string line((std::istreambuf_iterator<char>(in)), {});
      if (line.find("folder=" + directory.path()) != std::string::npos) ++count;
    }
    return count;
  }
};

bool Within(Duration limit, const std::function<bool()>& holds) {
  const TimePoint until = Clock::now() + limit;
  while (!holds()) {
    if (Clock::now() > until) return false;
    std::this_thread::sleep_for(milliseconds(5));
  }
  return true;
}

struct PredictFixture {
  TrainedFiles files;
  std::unique_ptr<TrainedModel> trained = files.Train(files.Job(kModel, kData));
  PredictorModel model = {files.Text(kModel, kData), files.Path("w.safetensors"),
                          trained->compute_class()};

  std::string Input(int64_t samples) const {
    return files.Write("in.npy",
                       NpyFloatHeader({samples, 3}) + FloatBytes(RandomFloats(9, samples * 3, 2)));
  }
  std::string Ask(const std::string& input, const std::vector<std::string>& workers,
                  Predicted* told = nullptr) const {
    const std::string out = files.Path("out.csv");
    std::filesystem::remove(out);
    PredictRequest request = {input, out, false, 2};
    request.workers = workers;
    request.model = model;
    const auto predicted = Predict(*trained, request);
    REQUIRE(predicted.ok());
    if (told != nullptr) *told = *predicted;
    return *ReadFile(out);
  }
};

TEST_CASE("workers write the bytes that this process does, on one, two and three of them") {
  const PredictFixture f;
  const Node nodes[3];
  for (const int64_t samples : {1, 63, 3000}) {
    INFO(samples << " samples");
    const std::string input = f.Input(samples), here = f.Ask(input, {});
    std::vector<std::string> workers;
    for (const Node& node : nodes) {
      workers.push_back(node.address());
      Predicted told;
      CHECK(f.Ask(input, workers, &told) == here);
      CHECK(told.samples == static_cast<uint64_t>(samples));
      CHECK(told.workers >= 1);
      CHECK(told.notes.empty());
    }
  }
  for (const Node& node : nodes) CHECK((node.IsTidy() && node.Children() == 0));
}

TEST_CASE("workers that are away, that fail and that are no workers lose nothing") {
  const PredictFixture f;
  const std::string input = f.Input(1000), here = f.Ask(input, {});
  const Node good, fails("/bin/false"), none("/nowhere/paracord-worker");
  const std::string away = "127.0.0.1:1";
  Predicted told;
  CHECK(f.Ask(input, {away, fails.address(), good.address(), none.address()}, &told) == here);
  CHECK(told.workers == 1);
  CHECK(told.notes.size() == 3);
  CHECK(f.Ask(input, {away, fails.address()}, &told) == here);
  CHECK(told.workers == 0);
  REQUIRE(told.notes.size() == 2);
  CHECK(told.notes[0].find("worker at 127.0.0.1:1: ") == 0);
  CHECK(told.notes[1].find("the predictor ended with ") != std::string::npos);
  CHECK(fails.IsTidy());
}

TEST_CASE("a call that nobody has room for is Unavailable, and the others go on") {
  const PredictFixture f;
  const Node node;
  SystemTimer timer;
  const std::vector<float> features = {1, 2, 3};
  std::vector<float> outputs(2), again(2);
  RemotePredictor first(node.address(), f.model, timer);
  REQUIRE(first.Ask(1, features, &outputs).ok());
  {
    RemotePredictor second(node.address(), f.model, timer);
    CHECK(absl::IsUnavailable(second.Ask(1, features, &again)));
  }
  CHECK(node.Children() == 1);
  REQUIRE(first.Ask(1, features, &again).ok());
  CHECK(again == outputs);
}

TEST_CASE("a call's child and folder go when it is ended, cut off, silent, or the daemon stops") {
  const PredictFixture f;
  SystemTimer timer;
  std::vector<float> outputs(2);
  const std::vector<float> features = {1, 2, 3};
  const auto gone = [](const Node& node) {
    return Within(seconds(10), [&] { return node.IsTidy() && node.Children() == 0; });
  };
  SECTION("ended") {
    const Node node;
    {
      RemotePredictor call(node.address(), f.model, timer);
      REQUIRE(call.Ask(1, features, &outputs).ok());
      CHECK(node.Children() == 1);
    }
    CHECK(node.IsTidy());  // before the caller goes on
    CHECK(node.Children() == 0);
  }
  SECTION("cut off") {
    const Node node;
    const auto stub = pb::WorkerNode::NewStub(OpenChannel(node.address()));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + seconds(60));
    const auto stream = stub->Predict(&context);
    REQUIRE(stream->Write(pb::PredictRequest()));
    REQUIRE(Within(seconds(10), [&] { return node.Children() == 1; }));
    context.TryCancel();
    stream->Finish();
    CHECK(gone(node));
  }
  SECTION("silent") {
    const Node node(WorkerProgram(), milliseconds(100));
    RemotePredictor call(node.address(), f.model, timer);
    REQUIRE(call.Ask(1, features, &outputs).ok());
    CHECK(gone(node));
    CHECK_FALSE(call.Ask(1, features, &outputs).ok());
    CHECK(call.Ask(1, features, &outputs).ok());  // it begins anew
  }
  SECTION("the daemon stops") {
    Node node;
    RemotePredictor call(node.address(), f.model, timer);
    REQUIRE(call.Ask(1, features, &outputs).ok());
    node.service.reset();
    CHECK(node.IsTidy());
    CHECK(node.Children() == 0);
    CHECK_FALSE(call.Ask(1, features, &outputs).ok());
  }
}

TEST_CASE("a daemon that is killed leaves a folder, which its next start removes") {
  const TemporaryDirectory directory;
  std::filesystem::create_directories(directory.path() + "/predict/1");
  PredictCalls::Options options;
  options.directory = directory.path();
  const PredictCalls calls(options);
  CHECK_FALSE(std::filesystem::exists(directory.path() + "/predict"));
}

TEST_CASE("a worker that does not answer in time is given up") {
  const PredictFixture f;
  const std::string mute = f.files.Write("mute", "#!/bin/sh\nexec sleep 100\n");
  std::filesystem::permissions(mute, std::filesystem::perms::owner_all);
  const Node node(mute);
  SystemTimer timer;
  RemotePredictor::Patience patience;
  patience.answer = milliseconds(200);
  RemotePredictor call(node.address(), f.model, timer, patience);
  std::vector<float> outputs(2);
  const std::vector<float> features = {1, 2, 3};
  CHECK(absl::IsDeadlineExceeded(call.Ask(1, features, &outputs)));
  CHECK(Within(seconds(10), [&] { return node.IsTidy(); }));
}

TEST_CASE("a call that has become old is followed by a new one") {
  const PredictFixture f;
  const Node node;
  SystemTimer timer;
  RemotePredictor::Patience patience;
  patience.call = milliseconds(1);
  RemotePredictor call(node.address(), f.model, timer, patience);
  const std::vector<float> features = {1, 2, 3};
  std::vector<float> first(2), second(2);
  REQUIRE(call.Ask(1, features, &first).ok());
  const TimePoint old = Clock::now() + patience.call;
  REQUIRE(Within(seconds(10), [&] { return Clock::now() > old; }));
  REQUIRE(call.Ask(1, features, &second).ok());
  CHECK(first == second);
}

}  // namespace
}  // namespace paracord
