// Whole models on a GPU: a pass's loss and gradients are the CPU's, and the same bits each time.
#include <catch2/catch.hpp>
#include <cmath>
#include <iostream>
#include <string>
#include <vector>

#include "common/base/fast_hash.h"
#include "common/job/initializer.h"
#include "tests/gpu/tested_device.h"
#include "tests/support/model_of.h"
#include "tests/worker/tensor/ops_check.h"
#include "worker/model/model.h"
#include "worker/tensor/cpu_device.h"

namespace paracord {
namespace {

struct Case {
  std::string name, model;
  int64_t rows;
  // In bfloat16, where a value on the edge of two is rounded to either: batch norms over a few
  // images make much of that.
  double bound = 5e-2;
};

const std::vector<Case> kCases = {
    {"mlp", "input: [200]\npreset: {mlp: {hidden: [130, 70], outputs: 10, dropout: 0.2}}\n", 33},
    {"lenet", "input: [1, 28, 28]\npreset: lenet\n", 5},
    {"resnet", "input: [3, 16, 16]\npreset: {resnet: {depth: 14, classes: 10}}\n", 6, 0.5},
    {"gpt",
     "preset: {gpt: {layers: 2, width: 48, heads: 3, vocabulary: 61, context: 70, dropout: 0.1}}\n",
     3},
    {"vit", "input: [3, 16, 16]\npreset: {vit: {layers: 2, width: 48, heads: 3}}\n", 3},
    {"llama",
     "input: [24]\nlayers: [{embedding: {vocabulary: 40, width: 32, name: tokens}}, {residual: "
     "[rms_norm, {attention: {heads: 4, kv_heads: 2, causal: true, rotary: true}}]}, {residual: "
     "[rms_norm, {linear: 96}, swiglu, {linear: 32}]}, rms_norm, {linear: {units: 40, bias: false, "
     "tied: tokens}}]\nloss: softmax_cross_entropy\n",
     4}};

bool ReadsIds(const ModelSpec& spec) { return spec.layers.front().kind == LayerKind::kEmbedding; }

// Whole numbers from 0 to below `count`.
Floats Ids(uint64_t seed, int64_t floats, int64_t count) {
  Floats ids = Zeros(floats);
  Draw draw(seed);
  for (float& id : ids) id = static_cast<float>(draw(0, count - 1));
  return ids;
}

// A model on a device, with weights and a batch of its own there.
class Computed {
 public:
  Computed(const ModelSpec& spec, Device& device, int64_t rows)
      : spec_(spec), device_(device), rows_(rows) {
    model_ = std::move(*Model::Build(spec, device));
    for (const TensorSpec& tensor : spec.tensors) {
      Floats first = Zeros(tensor.size());
      FirstValues(7, tensor, 0, first.size(), first.data());
      Send(first, &weights_);
      Send(Unset(tensor.size()), &gradients_);
    }
    const int64_t features = rows * ShapeSize(spec.input);
    Send(ReadsIds(spec) ? Ids(8, features, spec.layers.front().vocabulary)
                        : RandomFloats(8, features, 1.0f),
         &batch_);
    Send(Ids(9, rows * model_->label_width(), spec.classes()), &batch_);
    pass_.emplace(*model_, rows);
  }

  // The loss, then each tensor's gradient.
  Results Compute() {
    const Batch batch = {batch_[0].data(), batch_[1].data(), rows_};
    Weights weights;
    Gradients gradients;
    for (size_t t = 0; t < weights_.size(); ++t) {
      weights.push_back(weights_[t].data());
      gradients.push_back(gradients_[t].data());
    }
    REQUIRE(pass_->Forward(weights, batch, {true, 17, 3, 40}, nullptr).ok());
    const absl::StatusOr<double> loss = pass_->Loss(batch);
    REQUIRE(loss.ok());
    REQUIRE(
        pass_->Backward(weights, batch, 1.0f / static_cast<float>(rows_), gradients, nullptr).ok());
    Results all = {{static_cast<float>(*loss)}};
    for (const Buffer& gradient : gradients_) {
      all.push_back(Zeros(gradient.size()));
      REQUIRE(device_.CopyOut(gradient.data(), gradient.size(), all.back().data()).ok());
    }
    return all;
  }

 private:
  void Send(const Floats& values, std::vector<Buffer>* to) {
    const auto floats = static_cast<int64_t>(values.size());
    absl::StatusOr<Buffer> buffer = device_.Allocate(floats);
    REQUIRE(buffer.ok());
    to->push_back(std::move(*buffer));
    REQUIRE(device_.CopyIn(values.data(), floats, to->back().data()).ok());
  }

  ModelSpec spec_;
  Device& device_;
  int64_t rows_;
  std::unique_ptr<Model> model_;
  std::vector<Buffer> weights_, gradients_, batch_;
  std::optional<Pass> pass_;
};

// Length of the difference, of the length of the second.
double Apart(const Floats& actual, const Floats& expected) {
  double length = 1e-12, difference = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double wanted = expected[i], error = actual[i] - wanted;
    length += wanted * wanted;
    difference += error * error;
  }
  return std::isfinite(difference) ? std::sqrt(difference / length) : 1e9;
}

std::string HashOf(const Results& all) {
  FastHash hash;
  for (const Floats& values : all) hash.Add(values.data(), values.size() * sizeof(float));
  return hash.Hex();
}

}  // namespace

TEST_CASE("a model's loss and gradients equal the CPU's in both precisions, each time bit by bit") {
  CpuDevice cpu;
  for (const Case& c : kCases) {
    for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16}) {
      const bool bf16 = precision == Precision::kBfloat16;
      CAPTURE(c.name, bf16);
      ModelSpec spec = ModelOf(c.model);
      spec.precision = precision;
      Computed gpu(spec, TestedDevice(), c.rows);
      const Results first = gpu.Compute(), expected = Computed(spec, cpu, c.rows).Compute();
      REQUIRE(first.size() == expected.size());
      for (size_t i = 0; i < first.size(); ++i) {
        CAPTURE(i);
        CHECK(Apart(first[i], expected[i]) < (bf16 ? c.bound : 1e-3));
      }
      for (int again = 1; again < Repeats(); ++again) CHECK(SameBits(first, gpu.Compute()));
      // For a script that compares those of several processes.
      std::cout << "bits " << c.name << (bf16 ? " bf16 " : " float32 ") << HashOf(first) << "\n";
    }
  }
}

}  // namespace paracord
