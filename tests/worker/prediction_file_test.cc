#include "worker/prediction_file.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "common/base/daemon.h"
#include "tests/support/model_builder.h"
#include "tests/support/temporary_directory.h"
#include "worker/data/npy_header.h"

namespace paracord {
namespace {

std::string Written(const std::string& name, const PredictionLayout& layout,
                    std::vector<float> outputs) {
  TemporaryDirectory folder;
  const std::string path = folder.path() + "/" + name;
  const auto file = PredictionFile::Open(path, layout);
  REQUIRE(file.ok());
  const auto floats = static_cast<size_t>(ShapeSize(layout.output));
  const auto rows = static_cast<int64_t>(outputs.size() / floats);
  REQUIRE((*file)->Add(outputs.data(), 1).ok());
  REQUIRE((*file)->Add(outputs.data() + floats, rows - 1).ok());
  REQUIRE((*file)->Commit().ok());
  return *ReadFile(path);
}

PredictionLayout Layout(LossKind loss, const Shape& output, uint64_t samples, bool logits) {
  PredictionLayout layout;
  layout.loss = loss;
  layout.output = output;
  layout.samples = samples;
  layout.logits = logits;
  return layout;
}

constexpr LossKind kSoftmax = LossKind::kSoftmaxCrossEntropy;
constexpr LossKind kBinary = LossKind::kBinaryCrossEntropy;

TEST_CASE("probabilities are those of a softmax in double, and add up to one") {
  const unsigned seed = 5;
  INFO("seed " << seed);
  for (const int64_t count : {1, 2, 10, 257}) {
    std::vector<float> row = RandomFloats(seed, count, 80);
    double sum = 0, total = 0;
    std::vector<double> expected;
    for (const float logit : row) expected.push_back(std::exp(static_cast<double>(logit)));
    for (const double value : expected) sum += value;
    ToProbabilities(kSoftmax, row.data(), count);
    for (int64_t i = 0; i < count; ++i) {
      CHECK(row[i] == Approx(expected[i] / sum).epsilon(1e-5).margin(1e-30));
      total += static_cast<double>(row[i]);
    }
    CHECK(total == Approx(1));
  }
  std::vector<float> row = {0, 2, -200};
  ToProbabilities(kBinary, row.data(), 3);
  CHECK(row[0] == 0.5f);
  CHECK(row[1] == Approx(1 / (1 + std::exp(-2.0))));
  CHECK(row[2] < 1e-30f);
}

TEST_CASE("csv has a line a sample with its class, the first of equally likely ones") {
  CHECK(Written("x.csv", Layout(kSoftmax, {3}, 3, true), {0.5f, 1, 1, 3, -0.1f, 2, 0, 0, 0}) ==
        "sample,class,z0,z1,z2\n0,1,0.5,1,1\n1,0,3,-0.1,2\n2,0,0,0,0\n");
  CHECK(Written("x.csv", Layout(kSoftmax, {2}, 2, false), {0, 0, 1000, 0}) ==
        "sample,class,p0,p1\n0,0,0.5,0.5\n1,0,1,0\n");
}

TEST_CASE("positions have lines of their own; a value has no class, nor have several outputs") {
  CHECK(Written("x", Layout(kSoftmax, {2, 2}, 2, true), {1, 2, 3, 4, 6, 5, 7, 8}) ==
        "sample,position,class,z0,z1\n0,0,1,1,2\n0,1,1,3,4\n1,0,0,6,5\n1,1,1,7,8\n");
  CHECK(Written("x", Layout(kBinary, {1}, 3, false), {0, -0.25f, 1000}) ==
        "sample,class,p0\n0,1,0.5\n1,0,0.4378235\n2,1,1\n");
  CHECK(Written("x", Layout(kBinary, {1}, 2, true), {0, -0.25f}) ==
        "sample,class,z0\n0,1,0\n1,0,-0.25\n");
  CHECK(Written("x", Layout(kBinary, {2}, 2, false), {0, 0, 0, 0}) ==
        "sample,p0,p1\n0,0.5,0.5\n1,0.5,0.5\n");
  CHECK(Written("x", Layout(LossKind::kMeanSquaredError, {2}, 2, false), {1, -2, 3e10f, 0}) ==
        "sample,v0,v1\n0,1,-2\n1,3e+10,0\n");
}

TEST_CASE("samples that have names are called by them, in quotes where csv needs them") {
  PredictionLayout layout = Layout(LossKind::kMeanSquaredError, {1}, 2, false);
  layout.names = {"cat/a.png", "b, \"c\".png"};
  CHECK(Written("x.csv", layout, {1, 2}) == "sample,v0\ncat/a.png,1\n\"b, \"\"c\"\".png\",2\n");
}

TEST_CASE("an array has the model's outputs behind its header, which numpy's format allows") {
  const std::string file =
      Written("x.npy", Layout(kSoftmax, {2, 2}, 2, true), {1, 2, 3, 4, 5, 6, 7, 8});
  const auto header = ReadNpyHeader(file);
  REQUIRE(header.ok());
  CHECK(header->type == NpyHeader::Type::kF4);
  CHECK(header->shape == Shape{2, 2, 2});
  CHECK(header->begin % 64 == 0);
  const float expected[] = {1, 2, 3, 4, 5, 6, 7, 8};
  CHECK(file.substr(header->begin) == std::string(reinterpret_cast<const char*>(expected), 32));
}

}  // namespace
}  // namespace paracord
