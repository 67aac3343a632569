#include "worker/predict.h"

#include <filesystem>

#include "common/base/npy_header.h"
#include "tests/worker/trained_files.h"
#include "worker/data/dataset.h"
#include "worker/prediction_input.h"

namespace paracord {
namespace {

constexpr const char* kSmall =
    "{input: [3], layers: [{linear: 4}, relu, {linear: 2}], loss: softmax_cross_entropy}";
constexpr const char* kSynthetic =
    "{train: {format: synthetic, samples: 9, features: 3, classes: 2}}";

std::string NpyOf(const Shape& shape, const std::vector<float>& values) {
  return NpyFloatHeader(shape) + FloatBytes(values);
}

// What is written for the input; empty if it is refused, with the message in `why`.
std::string Ask(const TrainedFiles& files, const TrainedModel& trained, const std::string& input,
                std::string* why = nullptr, int threads = 1, bool logits = true) {
  const std::string out = files.Path("out.csv");
  std::filesystem::remove(out);
  const auto samples = Predict(trained, {input, out, logits, threads});
  if (why != nullptr) *why = std::string(samples.status().message());
  if (!samples.ok()) CHECK_FALSE(std::filesystem::exists(out));
  return samples.ok() ? *ReadFile(out) : "";
}

TEST_CASE("predictions are the model's outputs by a plain loop") {
  const TrainedFiles files;
  const JobSpec job =
      files.Job("{input: [3], layers: [{linear: 2}], loss: mse}",
                "{train: {format: npy, features: x.npy, labels: y.npy}, scale: 0.5}");
  const auto trained = files.Train(job);
  const std::vector<float> x = {1, -2, 3, 4, 5, -6};
  const std::string out = Ask(files, *trained, files.Write("in.npy", NpyOf({2, 3}, x)));
  const auto weight = RandomFloats(41, 6, 0.5f), bias = RandomFloats(42, 2, 0.5f);
  double values[4];
  int sample = -1;
  REQUIRE(sscanf(out.c_str(), "sample,v0,v1\n0,%lf,%lf\n%d,%lf,%lf\n", &values[0], &values[1],
                 &sample, &values[2], &values[3]) == 5);
  CHECK(sample == 1);
  for (size_t row = 0; row < 2; ++row) {
    for (size_t unit = 0; unit < 2; ++unit) {
      double expected = static_cast<double>(bias[unit]);
      for (size_t i = 0; i < 3; ++i) {
        expected += 0.5 * static_cast<double>(x[row * 3 + i] * weight[unit * 3 + i]);
      }
      CHECK(values[row * 2 + unit] == Approx(expected).epsilon(1e-5));
    }
  }
}

TEST_CASE("threads and batches change no byte") {
  const TrainedFiles files;
  const auto trained = files.Train(files.Job(kSmall, kSynthetic));
  const int64_t samples = 3 * trained->BatchRows() + 7;
  const std::string input =
      files.Write("in.npy", NpyOf({samples, 3}, RandomFloats(9, samples * 3, 2)));
  const std::string one = Ask(files, *trained, input);
  CHECK(std::count(one.begin(), one.end(), '\n') == samples + 1);
  for (const int threads : {2, 3, 8}) CHECK(Ask(files, *trained, input, nullptr, threads) == one);
  // The last sample alone.
  const std::vector<float> all = RandomFloats(9, samples * 3, 2);
  const std::string last =
      Ask(files, *trained, files.Write("last.npy", NpyOf({1, 3}, {all.end() - 3, all.end()})));
  const auto line = [](const std::string& text) {
    const size_t begin = text.rfind('\n', text.size() - 2) + 1;
    return text.substr(text.find(',', begin));
  };
  CHECK(line(last) == line(one));
}

TEST_CASE("a table is read with what the training set has taught, with or without its label") {
  const TrainedFiles files;
  files.Write("train.csv", "a,kind,y\n1,red,0\n2,blue,1\n3,red,1\n6,red,0\n");
  const JobSpec job =
      files.Job("{input: [2], layers: [{linear: 2}], loss: softmax_cross_entropy}",
                "{train: {format: csv, path: train.csv, label: y, rows: {every: 4, except: 3}, "
                "standardize: true, columns: {kind: {vocabulary: 1}}}}");
  const std::string with = files.Write("with.csv", "a,kind,y\n4,blue,what\n2,red,\n");
  const std::string without = files.Write("without.csv", "a,kind\n4,blue\n2,red\n");
  for (const std::string& path : {with, without}) {
    INFO(path);
    const auto input = PredictionInput(job, path);
    REQUIRE(input.ok());
    const auto data = OpenDataset(*input, "");
    INFO(data.status().message());
    REQUIRE(data.ok());
    REQUIRE((*data)->samples() == 2);
    std::vector<float> features(4), labels(2);
    (*data)->Read({0, 1}, 1, features.data(), labels.data());
    // Rows 0 to 2 have mean 2 and variance 2/3; "red" is the commonest word.
    CHECK(features[0] == Approx(2 / std::sqrt(2.0 / 3)));
    CHECK(features[1] == 0);
    CHECK(features[2] == 0);
    CHECK(features[3] == 1);
  }
  const auto trained = files.Train(job);
  CHECK(Ask(files, *trained, with) == Ask(files, *trained, without));
  std::string why;
  Ask(files, *trained, files.Write("bad.csv", "a,sort\n4,blue\n"), &why);
  CHECK(why.find("no column 'kind'") != std::string::npos);
}

TEST_CASE("text is read window after window, an array as the model reads it") {
  const TrainedFiles files;
  const JobSpec job = files.Job(
      "{input: [4], layers: [{embedding: {vocabulary: 256, width: 2}}, {linear: 256}], "
      "loss: softmax_cross_entropy}",
      "{train: {format: text, path: t.txt, context: 4, stride: 1, split: {from: 0, to: 0.5}}}");
  const auto trained = files.Train(job);
  const std::string text = Ask(files, *trained, files.Write("in.txt", "abcdefghi"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 1 + 2 * 4);
  CHECK(text == Ask(files, *trained,
                    files.Write("in.npy", NpyOf({2, 4}, {97, 98, 99, 100, 101, 102, 103, 104}))));
}

TEST_CASE("what cannot be predicted is refused with what was expected, and nothing is written") {
  const TrainedFiles files;
  const auto trained = files.Train(files.Job(kSmall, kSynthetic));
  std::string why;
  Ask(files, *trained, files.Write("x.csv", "1,2,3\n"), &why);
  CHECK(why.find("expected a FILE.npy") != std::string::npos);
  Ask(files, *trained, files.Path("none.npy"), &why);
  CHECK(why.find("none.npy") != std::string::npos);
  Ask(files, *trained, files.Write("x.npy", NpyOf({2, 4}, std::vector<float>(8))), &why);
  CHECK(why.find("expects 3") != std::string::npos);
  Ask(files, *trained, files.Write("x.npy", "no array"), &why);
  CHECK_FALSE(why.empty());
}

TEST_CASE("weights of another model are refused with all that differs") {
  const TrainedFiles files;
  const JobSpec job = files.Job(kSmall, kSynthetic);
  const auto opened = TrainedModel::Open(
      job, files.Write("w", SafetensorsOf({{"0.weight", {3, 4}, FloatBytes(std::vector<float>(12))},
                                           {"x", {1}, FloatBytes({1})}})));
  CHECK(absl::IsInvalidArgument(opened.status()));
  const std::string message(opened.status().message());
  CHECK(message.find("found shape [3, 4]; expected [4, 3]") != std::string::npos);
  CHECK(message.find("no tensor '2.bias'") != std::string::npos);
  CHECK(message.find("found tensor 'x' [1] in the file") != std::string::npos);
}

}  // namespace
}  // namespace paracord
