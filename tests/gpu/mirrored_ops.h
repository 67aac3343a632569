// A device's operations for memory of the host: each call copies up what its pointers point to, and
// down what it may have written. So the tests of operations, which know nothing of devices, run on
// a GPU as they are.
//
// Each call but matrix products, and what adds to memory of the host, is done a second time by a
// twin. The two must agree bit by bit; if they do not, the program ends and names the operation.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <type_traits>

#include "tests/gpu/mirror.h"

namespace paracord {

class MirroredOps final : public Ops {
 public:
  // Both outlive it; `twin` computes on the host with the kernels of a GPU.
  MirroredOps(Device& device, Device& twin) : device_(device), twin_(twin) {}

  int64_t LinearScratch(const LinearShape& shape) const override {
    return device_.ops().LinearScratch(shape);
  }
  void LinearForward(const LinearShape& shape, const float* x, const float* weight,
                     const float* bias, float* y, float* scratch) const override {
    RunAlone(&Ops::LinearForward, shape, x, weight, bias, y, scratch);
  }
  void LinearInputGradient(const LinearShape& shape, const float* dy, const float* weight,
                           float* dx) const override {
    RunAlone(&Ops::LinearInputGradient, shape, dy, weight, dx);
  }
  void LinearWeightGradient(const LinearShape& shape, const float* dy, const float* x,
                            float* dweight) const override {
    RunAlone(&Ops::LinearWeightGradient, shape, dy, x, dweight);
  }
  void BiasGradient(const LinearShape& shape, const float* dy, float* dbias) const override {
    Run("BiasGradient", &Ops::BiasGradient, shape, dy, dbias);
  }
  void ActivationForward(Activation kind, int64_t count, const float* x, float* y) const override {
    Run("ActivationForward", &Ops::ActivationForward, kind, count, x, y);
  }
  void ActivationBackward(Activation kind, int64_t count, const float* kept, const float* dy,
                          float* dx) const override {
    Run("ActivationBackward", &Ops::ActivationBackward, kind, count, kept, dy, dx);
  }
  void Dropout(const DropoutDraw& draw, int64_t rows, int64_t columns, const float* x,
               float* y) const override {
    Run("Dropout", &Ops::Dropout, draw, rows, columns, x, y);
  }
  void Scale(int64_t count, float factor, float* x) const override {
    Run("Scale", &Ops::Scale, count, factor, x);
  }
  void RoundToBfloat16(int64_t count, const float* x, float* y) const override {
    Run("RoundToBfloat16", &Ops::RoundToBfloat16, count, x, y);
  }
  void RoundOperand(int64_t count, const float* x, float* y) const override {
    Run("RoundOperand", &Ops::RoundOperand, count, x, y);
  }
  void Clear(int64_t count, float* x) const override { Run("Clear", &Ops::Clear, count, x); }
  void Copy(int64_t count, const float* x, float* y) const override {
    Run("Copy", &Ops::Copy, count, x, y);
  }
  float Read(const float* at) const override { return Run("Read", &Ops::Read, at); }
  void Add(int64_t count, const float* x, const float* y, float* out) const override {
    Run("Add", &Ops::Add, count, x, y, out);
  }
  void AddToRows(int64_t rows, int64_t columns, const float* x, const float* row,
                 float* y) const override {
    Run("AddToRows", &Ops::AddToRows, rows, columns, x, row, y);
  }
  void CopyRows(int64_t rows, int64_t columns, const float* x, int64_t x_stride, float* y,
                int64_t y_stride) const override {
    Run("CopyRows", &Ops::CopyRows, rows, columns, x, x_stride, y, y_stride);
  }
  void Transpose(int64_t rows, int64_t height, int64_t width, const float* x,
                 float* y) const override {
    Run("Transpose", &Ops::Transpose, rows, height, width, x, y);
  }
  int64_t ConvScratch(const ConvShape& shape) const override {
    return device_.ops().ConvScratch(shape);
  }
  void ConvForward(const ConvShape& shape, const float* x, const float* weight, const float* bias,
                   float* y, float* scratch) const override {
    RunAlone(&Ops::ConvForward, shape, x, weight, bias, y, scratch);
  }
  void ConvInputGradient(const ConvShape& shape, const float* dy, const float* weight, float* dx,
                         float* scratch) const override {
    RunAlone(&Ops::ConvInputGradient, shape, dy, weight, dx, scratch);
  }
  void ConvWeightGradient(const ConvShape& shape, const float* dy, const float* x, float* dweight,
                          float* scratch) const override {
    RunAlone(&Ops::ConvWeightGradient, shape, dy, x, dweight, scratch);
  }
  void ConvBiasGradient(const ConvShape& shape, const float* dy, float* dbias) const override {
    Run("ConvBiasGradient", &Ops::ConvBiasGradient, shape, dy, dbias);
  }
  void MaxPoolForward(const PoolShape& shape, const float* x, float* y,
                      float* kept) const override {
    Run("MaxPoolForward", &Ops::MaxPoolForward, shape, x, y, kept);
  }
  void MaxPoolBackward(const PoolShape& shape, const float* kept, const float* dy,
                       float* dx) const override {
    Run("MaxPoolBackward", &Ops::MaxPoolBackward, shape, kept, dy, dx);
  }
  void AvgPoolForward(const PoolShape& shape, const float* x, float* y) const override {
    Run("AvgPoolForward", &Ops::AvgPoolForward, shape, x, y);
  }
  void AvgPoolBackward(const PoolShape& shape, const float* dy, float* dx) const override {
    Run("AvgPoolBackward", &Ops::AvgPoolBackward, shape, dy, dx);
  }
  void BatchNormStatistics(const ChannelShape& shape, const float* x, float* mean,
                           float* variance) const override {
    Run("BatchNormStatistics", &Ops::BatchNormStatistics, shape, x, mean, variance);
  }
  void BatchNormForward(const ChannelShape& shape, float epsilon, const float* x, const float* mean,
                        const float* variance, const float* gamma, const float* beta,
                        float* y) const override {
    Run("BatchNormForward", &Ops::BatchNormForward, shape, epsilon, x, mean, variance, gamma, beta,
        y);
  }
  void BatchNormBackward(const ChannelShape& shape, float epsilon, const float* x,
                         const float* mean, const float* variance, const float* gamma,
                         const float* dy, float* dx, float* dgamma, float* dbeta) const override {
    Run("BatchNormBackward", &Ops::BatchNormBackward, shape, epsilon, x, mean, variance, gamma, dy,
        dx, dgamma, dbeta);
  }
  void GroupNormForward(const ChannelShape& shape, float epsilon, const float* x,
                        const float* gamma, const float* beta, float* y,
                        float* kept) const override {
    Run("GroupNormForward", &Ops::GroupNormForward, shape, epsilon, x, gamma, beta, y, kept);
  }
  void GroupNormBackward(const ChannelShape& shape, const float* x, const float* kept,
                         const float* gamma, const float* dy, float* dx, float* dgamma,
                         float* dbeta) const override {
    Run("GroupNormBackward", &Ops::GroupNormBackward, shape, x, kept, gamma, dy, dx, dgamma, dbeta);
  }
  void LayerNormForward(int64_t rows, int64_t width, float epsilon, const float* x,
                        const float* gamma, const float* beta, float* y,
                        float* kept) const override {
    Run("LayerNormForward", &Ops::LayerNormForward, rows, width, epsilon, x, gamma, beta, y, kept);
  }
  void LayerNormBackward(int64_t rows, int64_t width, const float* x, const float* kept,
                         const float* gamma, const float* dy, float* dx, float* dgamma,
                         float* dbeta) const override {
    Run("LayerNormBackward", &Ops::LayerNormBackward, rows, width, x, kept, gamma, dy, dx, dgamma,
        dbeta);
  }
  void RmsNormForward(int64_t rows, int64_t width, float epsilon, const float* x,
                      const float* gamma, float* y, float* kept) const override {
    Run("RmsNormForward", &Ops::RmsNormForward, rows, width, epsilon, x, gamma, y, kept);
  }
  void RmsNormBackward(int64_t rows, int64_t width, const float* x, const float* kept,
                       const float* gamma, const float* dy, float* dx,
                       float* dgamma) const override {
    Run("RmsNormBackward", &Ops::RmsNormBackward, rows, width, x, kept, gamma, dy, dx, dgamma);
  }
  void EmbeddingForward(int64_t count, int64_t width, const float* ids, const float* table,
                        float* y) const override {
    Run("EmbeddingForward", &Ops::EmbeddingForward, count, width, ids, table, y);
  }
  void EmbeddingBackward(int64_t count, int64_t vocabulary, int64_t width, const float* ids,
                         const float* dy, float* dtable) const override {
    Run("EmbeddingBackward", &Ops::EmbeddingBackward, count, vocabulary, width, ids, dy, dtable);
  }
  void Rotate(const RotaryShape& shape, const float* table, bool back, float* x) const override {
    Run("Rotate", &Ops::Rotate, shape, table, back, x);
  }
  int64_t AttentionKept(const AttentionShape& shape) const override {
    return device_.ops().AttentionKept(shape);
  }
  int64_t AttentionScratch(const AttentionShape& shape) const override {
    return device_.ops().AttentionScratch(shape);
  }
  void AttentionForward(const AttentionShape& shape, const float* qkv, float* y, float* kept,
                        float* scratch) const override {
    Run("AttentionForward", &Ops::AttentionForward, shape, qkv, y, kept, scratch);
  }
  void AttentionBackward(const AttentionShape& shape, const float* qkv, const float* kept,
                         const float* dy, float* dqkv, float* scratch) const override {
    Run("AttentionBackward", &Ops::AttentionBackward, shape, qkv, kept, dy, dqkv, scratch);
  }
  void SwigluForward(int64_t rows, int64_t columns, const float* x, float* y) const override {
    Run("SwigluForward", &Ops::SwigluForward, rows, columns, x, y);
  }
  void SwigluBackward(int64_t rows, int64_t columns, const float* x, const float* dy,
                      float* dx) const override {
    Run("SwigluBackward", &Ops::SwigluBackward, rows, columns, x, dy, dx);
  }
  double SoftmaxCrossEntropy(int64_t rows, int64_t outputs, const float* logits,
                             const float* labels, const SoftmaxTarget& target, float scale,
                             float* dlogits) const override {
    return Run("SoftmaxCrossEntropy", &Ops::SoftmaxCrossEntropy, rows, outputs, logits, labels,
               target, scale, dlogits);
  }
  double MeanSquaredError(int64_t rows, int64_t outputs, const float* logits, const float* labels,
                          float scale, float* dlogits) const override {
    return Run("MeanSquaredError", &Ops::MeanSquaredError, rows, outputs, logits, labels, scale,
               dlogits);
  }
  double BinaryCrossEntropy(int64_t rows, int64_t outputs, const float* logits, const float* labels,
                            float positive_weight, float scale, float* dlogits) const override {
    return Run("BinaryCrossEntropy", &Ops::BinaryCrossEntropy, rows, outputs, logits, labels,
               positive_weight, scale, dlogits);
  }
  int64_t FirstBadLabel(const LabelRange& range, int64_t count,
                        const float* labels) const override {
    return Run("FirstBadLabel", &Ops::FirstBadLabel, range, count, labels);
  }
  double ClassHits(int64_t rows, int64_t outputs, int64_t most, const float* logits,
                   const float* labels) const override {
    return Run("ClassHits", &Ops::ClassHits, rows, outputs, most, logits, labels);
  }
  double ClassLogLoss(int64_t rows, int64_t outputs, const float* logits,
                      const float* labels) const override {
    return Run("ClassLogLoss", &Ops::ClassLogLoss, rows, outputs, logits, labels);
  }
  double SignLogLoss(int64_t rows, int64_t outputs, const float* logits,
                     const float* labels) const override {
    return Run("SignLogLoss", &Ops::SignLogLoss, rows, outputs, logits, labels);
  }
  double SignHits(int64_t rows, int64_t outputs, const float* logits,
                  const float* labels) const override {
    return Run("SignHits", &Ops::SignHits, rows, outputs, logits, labels);
  }
  double SquaredError(int64_t rows, int64_t outputs, const float* logits,
                      const float* labels) const override {
    return Run("SquaredError", &Ops::SquaredError, rows, outputs, logits, labels);
  }
  void CountScores(int64_t count, const float* logits, const float* labels, int64_t bins,
                   double* counts) const override {
    RunAlone(&Ops::CountScores, count, logits, labels, bins, counts);
  }

 private:
  // What of an argument points into the device's memory.
  template <class T>
  static void Note(Mirror& mirror, const T& argument) {
    if constexpr (std::is_same_v<T, float*> || std::is_same_v<T, const float*>) {
      mirror.Note(argument);
    } else if constexpr (std::is_same_v<T, SoftmaxTarget>) {
      mirror.Note(argument.weights);
    }
  }
  template <class T>
  static T There(const Mirror& mirror, T argument) {
    if constexpr (std::is_same_v<T, float*> || std::is_same_v<T, const float*>) {
      return mirror.At(argument);
    } else if constexpr (std::is_same_v<T, SoftmaxTarget>) {
      argument.weights = mirror.At(argument.weights);
    }
    return argument;
  }

  // What the operation returns, as bits; 0 for none.
  template <class Result, class... Takes>
  static uint64_t Call(Device& device, Mirror& mirror, Result (Ops::*operation)(Takes...) const,
                       Takes... arguments) {
    (Note(mirror, arguments), ...);
    mirror.Up();
    uint64_t bits = 0;
    if constexpr (std::is_void_v<Result>) {
      (device.ops().*operation)(There(mirror, arguments)...);
    } else {
      const Result result = (device.ops().*operation)(There(mirror, arguments)...);
      std::memcpy(&bits, &result, sizeof(result));
    }
    mirror.Down();
    return bits;
  }
  template <class Result>
  static Result FromBits(uint64_t bits) {
    if constexpr (!std::is_void_v<Result>) {
      Result result;
      std::memcpy(&result, &bits, sizeof(result));
      return result;
    }
  }

  template <class Result, class... Takes>
  Result RunAlone(Result (Ops::*operation)(Takes...) const,
                  std::type_identity_t<Takes>... arguments) const {
    Mirror mirror(device_);
    const uint64_t bits = Call<Result, Takes...>(device_, mirror, operation, arguments...);
    mirror.Give();
    return FromBits<Result>(bits);
  }
  template <class Result, class... Takes>
  Result Run(const char* name, Result (Ops::*operation)(Takes...) const,
             std::type_identity_t<Takes>... arguments) const {
    Mirror mirror(device_), beside(twin_);
    const uint64_t bits = Call<Result, Takes...>(device_, mirror, operation, arguments...);
    const uint64_t wanted = Call<Result, Takes...>(twin_, beside, operation, arguments...);
    mirror.Give();
    if (!mirror.SameAs(beside) || !SameResult<Result>(bits, wanted)) {
      std::fprintf(stderr, "%s: found other bits than on the host\n", name);
      std::abort();
    }
    return FromBits<Result>(bits);
  }
  template <class Result>
  static bool SameResult(uint64_t bits, uint64_t wanted) {
    if constexpr (std::is_floating_point_v<Result>) {
      if (std::isnan(FromBits<Result>(wanted))) return std::isnan(FromBits<Result>(bits));
    }
    return bits == wanted;
  }

  Device& device_;
  Device& twin_;
};

}  // namespace paracord
