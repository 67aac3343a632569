// Trains a model on one device with one process, weights kept there between steps: what a GPU gives
// if nothing has to be sent.
//
//   bench_gpu MODEL SECONDS [cuda|cpu]   -> {"samples_per_second": N, "matrix_tflops": N,
//   "model_tflops": N, "parameters": N}
//
// MODEL: mlp, resnet, resnet-bf16 or gpt (see Cases), or `matrix`, which measures a product alone.
// matrix_tflops: a product of bfloat16 with 8,192 rows and columns by the same operations;
// model_tflops: what the model's products alone come to. Plain gradient descent, by two operations
// a tensor. The same batch each time: reading it is not measured.
#include <chrono>
#include <iostream>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "common/base/status.h"
#include "common/job/initializer.h"
#include "common/job/parse_model.h"
#include "worker/model/model.h"
#include "worker/tensor/device.h"

namespace paracord {
namespace {

using BenchClock = std::chrono::steady_clock;

double Seconds(BenchClock::time_point start) {
  return std::chrono::duration<double>(BenchClock::now() - start).count();
}

struct Case {
  const char* name;
  Precision precision;
  int64_t rows;
  const char* model;
};

constexpr char kResnet[] = "input: [3, 32, 32]\npreset: {resnet: {depth: 18, classes: 10}}\n";

constexpr Case kCases[] = {
    {"mlp", Precision::kBfloat16, 4096,
     "input: [4096]\npreset: {mlp: {hidden: [4096, 4096, 4096, 4096], outputs: 1000}}\n"},
    {"resnet", Precision::kFloat32, 512, kResnet},
    {"resnet-bf16", Precision::kBfloat16, 512, kResnet},
    {"gpt", Precision::kBfloat16, 8,  // samples are windows of 1,024 tokens
     "input: [1024]\n"
     "layers:\n"
     "- {embedding: {vocabulary: 50257, width: 768, name: tokens}}\n"
     "- positions\n"
     "- {repeat: {times: 12, layers: [\n"
     "    {residual: [layer_norm, {attention: {heads: 12, causal: true}}]},\n"
     "    {residual: [layer_norm, {linear: 3072}, gelu, {linear: 768}]}]}}\n"
     "- layer_norm\n"
     "- {linear: {units: 50257, bias: false, tied: tokens}}\n"
     "loss: softmax_cross_entropy\n"}};

absl::StatusOr<ModelSpec> SpecOf(const Case& of) {
  const ConfigReader reader(of.model);
  ParsedModel model = ParseModel(reader.root());
  if (!reader.errors().empty()) {
    return absl::InternalError(absl::StrCat(of.name, ": ", ErrorString(reader.errors()[0])));
  }
  model.spec.precision = of.precision;
  return model.spec;
}

// Multiplications of a sample's forward pass, in products alone.
double Products(const ModelSpec& spec) {
  double sum = 0;
  for (const LayerSpec& layer : spec.layers) {
    const auto in = static_cast<double>(ShapeSize(layer.input));
    const auto out = static_cast<double>(ShapeSize(layer.output));
    if (layer.kind == LayerKind::kLinear) sum += in * static_cast<double>(layer.units);
    if (layer.kind == LayerKind::kConv2d) {
      const auto window = layer.kernel * layer.kernel * layer.input[0] / layer.groups;
      sum += out * static_cast<double>(window);
    }
    if (layer.kind == LayerKind::kAttention) {
      const double width = static_cast<double>(layer.input.back());
      const double half = layer.causal ? 0.5 : 1;
      sum += 4 * in * width + 2 * half * in * (in / width);
    }
  }
  return sum;
}

// The model with its weights and a batch on the device.
class Training {
 public:
  Training(const Case& of, const ModelSpec& spec, Device& device)
      : spec_(spec), device_(device), rows_(of.rows) {}

  absl::Status Prepare() {
    ASSIGN_OR_RETURN(model_, Model::Build(spec_, device_));
    for (const TensorSpec& tensor : spec_.tensors) {
      std::vector<float> first(static_cast<size_t>(tensor.size()));
      FirstValues(1, tensor, 0, first.size(), first.data());
      RETURN_IF_ERROR(Send(first, &weights_));
      RETURN_IF_ERROR(Send(first, &gradients_));
      weight_pointers_.push_back(weights_.back().data());
      gradient_pointers_.push_back(gradients_.back().data());
    }
    const LayerSpec& begin = spec_.layers.front();
    const int64_t ids = begin.kind == LayerKind::kEmbedding ? begin.vocabulary : 0;
    RETURN_IF_ERROR(Send(Drawn(rows_ * ShapeSize(spec_.input), ids), &batch_));
    RETURN_IF_ERROR(Send(Drawn(rows_ * model_->label_width(), spec_.classes()), &batch_));
    pass_.emplace(*model_, rows_);
    return absl::OkStatus();
  }

  absl::Status Step() {
    const Batch batch = {batch_[0].data(), batch_[1].data(), rows_};
    RETURN_IF_ERROR(pass_->Forward(weight_pointers_, batch, {true, 1, step_++, 0}, nullptr));
    RETURN_IF_ERROR(pass_->Loss(batch).status());
    const float scale = 1.0f / static_cast<float>(rows_ * model_->label_width());
    RETURN_IF_ERROR(pass_->Backward(weight_pointers_, batch, scale, gradient_pointers_, nullptr));
    for (size_t t = 0; t < weights_.size(); ++t) Update(t);
    return device_.Finish();
  }

 private:
  absl::Status Send(const std::vector<float>& values, std::vector<Buffer>* to) {
    const auto floats = static_cast<int64_t>(values.size());
    ASSIGN_OR_RETURN(Buffer buffer, device_.Allocate(floats));
    RETURN_IF_ERROR(device_.CopyIn(values.data(), floats, buffer.data()));
    to->push_back(std::move(buffer));
    return absl::OkStatus();
  }
  // Whole numbers from 0 to below `kinds`; 0: numbers between -1 and 1.
  static std::vector<float> Drawn(int64_t count, int64_t kinds) {
    std::mt19937_64 random(1);
    std::vector<float> values(static_cast<size_t>(count));
    for (float& value : values) {
      const uint64_t word = random();
      value = kinds > 0 ? static_cast<float>(word % static_cast<uint64_t>(kinds))
                        : static_cast<float>(word >> 40) * 0x1p-23f - 1.0f;
    }
    return values;
  }
  void Update(size_t t) {
    const Ops& ops = device_.ops();
    const int64_t floats = weights_[t].size();
    float *weight = weights_[t].data(), *gradient = gradients_[t].data();
    if (spec_.tensors[t].kind == TensorKind::kAveraged) {
      ops.Copy(floats, gradient, weight);
      return;
    }
    ops.Scale(floats, -0.01f, gradient);
    ops.Add(floats, weight, gradient, weight);
  }

  const ModelSpec& spec_;
  Device& device_;
  const int64_t rows_;
  std::unique_ptr<Model> model_;
  std::vector<Buffer> weights_, gradients_, batch_;
  Weights weight_pointers_;
  Gradients gradient_pointers_;
  std::optional<Pass> pass_;
  uint64_t step_ = 0;
};

// TFLOP/s of a product of bfloat16.
absl::StatusOr<double> MatrixRate(Device& device, int64_t side, double seconds) {
  const LinearShape shape = {.rows = side, .inputs = side, .outputs = side, .bfloat16 = true};
  std::vector<float> host(static_cast<size_t>(side * side));
  std::mt19937_64 random(2);
  for (float& value : host) value = static_cast<float>(random() >> 40) * 0x1p-23f - 1.0f;
  const Ops& ops = device.ops();
  std::vector<Buffer> m;  // plain, x, weight, y, scratch
  for (int i = 0; i < 4; ++i) {
    ASSIGN_OR_RETURN(Buffer buffer, device.Allocate(side * side));
    m.push_back(std::move(buffer));
  }
  ASSIGN_OR_RETURN(Buffer scratch, device.Allocate(ops.LinearScratch(shape)));
  RETURN_IF_ERROR(device.CopyIn(host.data(), side * side, m[0].data()));
  ops.RoundOperand(side * side, m[0].data(), m[1].data());
  ops.RoundOperand(side * side, m[0].data(), m[2].data());
  const auto multiply = [&] {
    ops.LinearForward(shape, m[1].data(), m[2].data(), nullptr, m[3].data(), scratch.data());
  };
  multiply();
  RETURN_IF_ERROR(device.Finish());
  const auto start = BenchClock::now();
  int64_t products = 0;
  while (Seconds(start) < seconds) {
    for (int i = 0; i < 4; ++i, ++products) multiply();
    RETURN_IF_ERROR(device.Finish());
  }
  const double side_of = static_cast<double>(side);
  return 2 * side_of * side_of * side_of * static_cast<double>(products) / Seconds(start) * 1e-12;
}

absl::Status Run(const std::vector<std::string>& words) {
  const Case* of = nullptr;
  double seconds = 0;
  const bool cpu = words.size() == 3 && words[2] == "cpu";
  if (words.size() >= 2 && absl::SimpleAtod(words[1], &seconds)) {
    for (const Case& c : kCases) {
      if (words[0] == c.name) of = &c;
    }
  }
  if (seconds <= 0 || (of == nullptr && words[0] != "matrix")) {
    return absl::InvalidArgumentError("usage: bench_gpu MODEL|matrix SECONDS [cuda|cpu]");
  }
  ASSIGN_OR_RETURN(const auto device, OpenDevice(cpu ? DeviceKind::kCpu : DeviceKind::kCuda));
  ASSIGN_OR_RETURN(const double rate, MatrixRate(*device, cpu ? 512 : 8192, 0.5));
  if (of == nullptr) {
    std::cout << "{\"matrix_tflops\": " << rate << "}\n";
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const ModelSpec spec, SpecOf(*of));
  Training training(*of, spec, *device);
  RETURN_IF_ERROR(training.Prepare());
  for (int i = 0; i < (cpu ? 1 : 10); ++i) RETURN_IF_ERROR(training.Step());
  const auto start = BenchClock::now();
  int64_t steps = 0;
  for (; Seconds(start) < seconds; ++steps) RETURN_IF_ERROR(training.Step());
  const double samples = static_cast<double>(steps * of->rows) / Seconds(start);
  std::cout << "{\"samples_per_second\": " << samples << ", \"matrix_tflops\": " << rate
            << ", \"model_tflops\": " << 6 * Products(spec) * samples * 1e-12
            << ", \"parameters\": " << spec.parameters() << "}\n";
  return absl::OkStatus();
}

}  // namespace
}  // namespace paracord

int main(int argc, char** argv) {
  const absl::Status status = paracord::Run({argv + 1, argv + argc});
  if (!status.ok()) std::cerr << paracord::Describe(status) << "\n";
  return status.ok() ? 0 : 1;
}
