// The ceiling for a cluster: the same model, data and update rule in one process and one thread,
// with nothing between them.
//
//   bench_single_loop JOB.yaml SECONDS [key=value ...]   -> {"samples_per_second": N,
//   "read_share": N, "sgemm_gflops": N}
//
// Trains on batches of the job's batch_size as one slice; read_share is the part of the time in
// which samples are read and augmented; sgemm is a 1,024-cubed product, timed before and after.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <memory>
#include <vector>

#include "common/base/buffer_pool.h"
#include "common/base/daemon.h"
#include "common/base/status.h"
#include "common/job/initializer.h"
#include "common/job/job_spec.h"
#include "common/job/key_range.h"
#include "common/job/optimizer.h"
#include "common/job/sampler.h"
#include "worker/model/model.h"
#include "worker/slice_reader.h"
#include "worker/tensor/gemm.h"

namespace paracord {
namespace {

using BenchClock = std::chrono::steady_clock;

double Seconds(BenchClock::time_point start) {
  return std::chrono::duration<double>(BenchClock::now() - start).count();
}

// GFLOP/s of a 1,024-cubed float32 product on one thread.
double MeasureSgemm() {
  constexpr int64_t kSide = 1024;
  BufferPool pool;
  std::vector<FloatBuffer> m;
  for (int i = 0; i < 3; ++i) {
    m.push_back(pool.Take(kSide * kSide));
    std::fill_n(m.back().get(), kSide * kSide, 0.5f);
  }
  const auto multiply = [&] {
    Multiply(kSide, kSide, kSide, {m[0].get(), kSide}, {m[1].get(), kSide}, m[2].get());
  };
  multiply();
  const auto start = BenchClock::now();
  int runs = 0;
  while (Seconds(start) < 0.3) multiply(), ++runs;
  return 2.0 * kSide * kSide * kSide * runs / Seconds(start) * 1e-9;
}

// Weights, gradients and optimizer's state as whole tensors.
struct State {
  explicit State(const JobSpec& spec) {
    for (const TensorSpec& tensor : spec.model.tensors) {
      const size_t size = static_cast<size_t>(tensor.size());
      for (auto* buffers : {&weights, &gradients, &state1, &state2}) {
        buffers->push_back(pool.Take(size));
        std::fill_n(buffers->back().get(), size, 0.0f);
      }
      FirstValues(spec.seed, tensor, 0, size, weights.back().get());
    }
  }
  BufferPool pool;
  std::vector<FloatBuffer> weights, gradients, state1, state2;
};

// Tensor `i`'s share of `floats`, which are counted over all tensors; the tensor's first is `base`.
void UpdateTensor(const JobSpec& spec, const UpdateStep& update, uint32_t i, uint64_t base,
                  const FloatRange& floats, State& state) {
  const uint64_t size = static_cast<uint64_t>(spec.model.tensors[i].size());
  const uint64_t begin = std::clamp(floats.begin, base, base + size) - base;
  const uint64_t end = std::clamp(floats.end, base, base + size) - base;
  if (begin == end) return;
  const int states = StateFloats(spec.optimizer.kind);
  float* w = state.weights[i].get() + begin;
  if (spec.model.tensors[i].kind == TensorKind::kAveraged) {
    std::copy_n(state.gradients[i].get() + begin, end - begin, w);
    return;
  }
  float* s1 = states > 0 ? state.state1[i].get() + begin : nullptr;
  float* s2 = states > 1 ? state.state2[i].get() + begin : nullptr;
  ApplyUpdate(UpdateOf(spec.model.tensors[i], spec.optimizer, update),
              {state.gradients[i].get() + begin, nullptr, w, w, s1, s1, s2, s2}, end - begin);
}

absl::Status TrainStep(const JobSpec& spec, const Sampler& sampler, uint64_t step, uint64_t steps,
                       Pass& pass, SliceReader& reader, State& state, double* reading) {
  Weights weights;
  Gradients gradients;
  for (size_t i = 0; i < state.weights.size(); ++i) {
    weights.push_back(state.weights[i].get());
    gradients.push_back(state.gradients[i].get());
  }
  const auto start = BenchClock::now();
  const Batch batch = reader.ReadForStep(step, sampler.Slice(step, 0));
  *reading += Seconds(start);
  RETURN_IF_ERROR(pass.Forward(weights, batch, {true, spec.seed, step, 0}, nullptr));
  RETURN_IF_ERROR(pass.Loss(batch).status());
  const float scale = 1.0f / static_cast<float>(sampler.BatchSize(step));
  const UpdateStep update = PrepareUpdate(spec.optimizer, step, steps);
  // Weights are updated while their gradient is still in the cache.
  return pass.Backward(weights, batch, scale, gradients, [&](const FloatRange& floats) {
    uint64_t base = 0;
    for (uint32_t i = 0; i < spec.model.tensors.size(); ++i) {
      UpdateTensor(spec, update, i, base, floats, state);
      base += static_cast<uint64_t>(spec.model.tensors[i].size());
    }
    return absl::OkStatus();
  });
}

absl::Status Run(int argc, char** argv) {
  if (argc < 3)
    return absl::InvalidArgumentError("usage: bench_single_loop JOB.yaml SECONDS [key=value ...]");
  ASSIGN_OR_RETURN(const std::string text, ReadFile(argv[1]));
  const EffectiveJob job = ApplyOverrides(text, {argv + 3, argv + argc});
  ASSIGN_OR_RETURN(
      const JobSpec spec,
      ParseJobOrStatus(job.text, std::filesystem::path(argv[1]).parent_path().string()));
  ASSIGN_OR_RETURN(const auto device, OpenDevice(DeviceKind::kCpu));
  ASSIGN_OR_RETURN(const auto model, Model::Build(spec.model, *device));
  ASSIGN_OR_RETURN(const auto data, OpenDataset(spec.train, ""));
  const Sampler sampler(spec.seed, data->samples(), spec.batch_size, 1);
  Pass pass(*model, spec.batch_size);
  SliceReader reader(*data, spec);
  State state(spec);
  constexpr uint64_t kManySteps = 1000000;
  const double sgemm_before = MeasureSgemm();
  uint64_t step = 0, samples = 0;
  double reading = 0;
  for (; step < 20; ++step) {
    RETURN_IF_ERROR(TrainStep(spec, sampler, step, kManySteps, pass, reader, state, &reading));
  }
  const double limit = std::stod(argv[2]);
  reading = 0;
  const auto start = BenchClock::now();
  while (Seconds(start) < limit) {
    RETURN_IF_ERROR(TrainStep(spec, sampler, step, kManySteps, pass, reader, state, &reading));
    samples += sampler.BatchSize(step++);
  }
  const double seconds = Seconds(start), rate = static_cast<double>(samples) / seconds;
  const double sgemm = (sgemm_before + MeasureSgemm()) / 2;
  std::cout << "{\"samples_per_second\": " << rate << ", \"read_share\": " << reading / seconds
            << ", \"sgemm_gflops\": " << sgemm << "}\n";
  return absl::OkStatus();
}

}  // namespace
}  // namespace paracord

int main(int argc, char** argv) {
  const absl::Status status = paracord::Run(argc, argv);
  if (!status.ok()) std::cerr << paracord::Describe(status) << "\n";
  return status.ok() ? 0 : 1;
}
