// The oracle of every distributed run: a job trained by one loop on one thread, with no server, no
// plan, no block and no message. Whatever a cluster does, its weights must have these bits.
//
// Shared with the product are only the pure functions of a job (sampler, first values, update) and
// the pass through the model, which have oracles of their own; the tree is added by recursion here.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "common/base/sha256.h"
#include "common/base/status.h"
#include "common/job/initializer.h"
#include "common/job/job_spec.h"
#include "common/job/key_range.h"
#include "common/job/optimizer.h"
#include "common/job/sampler.h"
#include "worker/data/dataset.h"
#include "worker/model/metric.h"
#include "worker/model/model.h"
#include "worker/slice_reader.h"

namespace paracord {

using Tensors = std::vector<std::vector<float>>;

struct PlainRun {
  Tensors weights;             // of version `steps`, one a tensor of the model
  uint64_t steps = 0;          // made: fewer than the job's if it stops early
  uint64_t skipped = 0;        // steps that were not finite, if the job may skip any
  uint64_t clipped = 0;        // steps whose gradient was too long, if the job clips
  std::vector<double> losses;  // of each step, mean over its batch
  std::map<uint64_t, std::vector<double>> evaluated;  // by version: test loss, the job's metrics
};

class PlainLoop {
 public:
  explicit PlainLoop(const JobSpec& spec)
      : spec_(spec),
        device_(OpenDevice(spec.device).value()),
        model_(Model::Build(spec.model, *device_).value()),
        train_(OpenDataset(spec.train, "").value()),
        test_(spec.test ? OpenDataset(*spec.test, "").value() : nullptr),
        sampler_(spec.seed, train_->samples(), spec.batch_size, spec.virtual_workers) {}

  PlainRun Run() {
    total_steps_ = run_.steps = spec_.TotalSteps(train_->samples());
    for (const TensorSpec& tensor : spec_.model.tensors) {
      const size_t size = static_cast<size_t>(tensor.size());
      run_.weights.emplace_back(size);
      FirstValues(spec_.seed, tensor, 0, size, run_.weights.back().data());
    }
    state1_ = state2_ = ZeroTensors();
    for (uint64_t step = 0; step < run_.steps; ++step) {
      const bool evaluates = EvaluationDue(step);
      if (evaluates) Evaluate(step);
      Train(step);
      if (evaluates && StopsEarly()) run_.steps = step + 1;
    }
    if (test_) Evaluate(run_.steps);
    return run_;
  }

 private:
  using Leaf = std::function<Tensors(uint32_t virtual_worker)>;

  // A node of n > 1 leaves splits at the largest power of two below n.
  static Tensors AddTree(uint32_t begin, uint32_t end, const Leaf& leaf) {
    if (end - begin == 1) return leaf(begin);
    uint32_t half = 1;
    while (2 * half < end - begin) half *= 2;
    Tensors sum = AddTree(begin, begin + half, leaf);
    const Tensors right = AddTree(begin + half, end, leaf);
    for (size_t t = 0; t < sum.size(); ++t) {
      for (size_t i = 0; i < sum[t].size(); ++i) sum[t][i] += right[t][i];
    }
    return sum;
  }

  Tensors ZeroTensors() const {
    Tensors zeros;
    for (const TensorSpec& tensor : spec_.model.tensors) zeros.emplace_back(tensor.size());
    return zeros;
  }

  Weights Pointers() const {
    Weights pointers;
    for (const std::vector<float>& tensor : run_.weights) pointers.push_back(tensor.data());
    return pointers;
  }

  void Train(uint64_t step) {
    bool finite = true;
    const Tensors sum = AddTree(0, spec_.virtual_workers, [&](uint32_t worker) {
      Tensors gradient = Gradient(step, worker);
      if (spec_.skips_nonfinite && !AllFinite(gradient)) {
        finite = false;
        gradient.back()[0] = 0;
      }
      return gradient;
    });
    run_.losses.push_back(sum.back()[0]);
    if (!finite) {
      ++run_.skipped;
      return;
    }
    UpdateStep update = PrepareUpdate(spec_.optimizer, step, total_steps_);
    const double norm = spec_.clip_norm > 0 ? Norm(sum) : 0;
    if (norm > spec_.clip_norm) {
      update.clip = static_cast<float>(spec_.clip_norm / norm);
      ++run_.clipped;
    }
    for (size_t t = 0; t < run_.weights.size(); ++t) {
      if (spec_.model.tensors[t].kind == TensorKind::kAveraged) {
        run_.weights[t] = sum[t];
        continue;
      }
      float* weights = run_.weights[t].data();
      float* first = state1_[t].data();
      float* second = state2_[t].data();
      const UpdateStep own = UpdateOf(spec_.model.tensors[t], spec_.optimizer, update);
      ApplyUpdate(own, {sum[t].data(), nullptr, weights, weights, first, first, second, second},
                  run_.weights[t].size());
    }
  }

  // Of the trained tensors' gradient: squares are added block by block, in a block by eighths.
  double Norm(const Tensors& gradient) const {
    double squares = 0;
    for (size_t t = 0; t < run_.weights.size(); ++t) {
      if (spec_.model.tensors[t].kind != TensorKind::kTrained) continue;
      for (size_t begin = 0; begin < gradient[t].size(); begin += kBlockFloats) {
        const size_t end = std::min<size_t>(begin + kBlockFloats, gradient[t].size());
        double lanes[8] = {}, block = 0;
        for (size_t i = begin; i < end; ++i) {
          lanes[(i - begin) % 8] += static_cast<double>(gradient[t][i]) * gradient[t][i];
        }
        for (const double lane : lanes) block += lane;
        squares += block;
      }
    }
    return std::sqrt(squares);
  }

  static bool AllFinite(const Tensors& tensors) {
    for (const std::vector<float>& tensor : tensors) {
      for (const float value : tensor) {
        if (!std::isfinite(value)) return false;
      }
    }
    return true;
  }

  // Of one slice: one gradient a tensor, then the slice's share of the loss.
  Tensors Gradient(uint64_t step, uint32_t worker) {
    const uint64_t size = sampler_.BatchSize(step);
    const std::vector<uint64_t> indices = sampler_.Slice(step, worker);
    SliceReader reader(*train_, spec_);
    const Batch batch = reader.ReadForStep(step, indices);
    Tensors out = ZeroTensors();
    Gradients gradients;
    for (std::vector<float>& gradient : out) gradients.push_back(gradient.data());
    Pass pass(*model_, std::max<int64_t>(1, batch.rows), true);
    const uint64_t first_row = SliceOf(size, spec_.virtual_workers, worker).first;
    const Weights weights = Pointers();
    double loss = 0;
    for (uint32_t part = 0; part < spec_.accumulate; ++part) {
      const uint64_t first = batch.rows * part / spec_.accumulate;
      const uint64_t last = batch.rows * (part + 1) / spec_.accumulate;
      const Batch own = {batch.features + first * train_->features(),
                         batch.labels + first * train_->label_floats(),
                         static_cast<int64_t>(last - first)};
      Check(pass.Forward(
          weights, own,
          {true, spec_.seed, step, first_row + first, spec_.virtual_workers * spec_.accumulate},
          nullptr));
      loss += pass.Loss(own).value();
      Check(pass.Backward(weights, own, 1.0f / static_cast<float>(size), gradients, nullptr,
                          part > 0));
    }
    out.push_back({static_cast<float>(loss / static_cast<double>(size))});
    return out;
  }

  bool EvaluationDue(uint64_t step) const {
    const EvaluateSpec& evaluate = spec_.evaluate;
    const uint64_t every = evaluate.every_steps > 0
                               ? evaluate.every_steps
                               : evaluate.every_epochs * sampler_.steps_per_epoch();
    return test_ && step > 0 && every > 0 && step % every == 0;
  }

  // The last evaluations, as many as the patience, are no better than those before.
  bool StopsEarly() const {
    if (!spec_.early_stop.has_value()) return false;
    const EarlyStopSpec& stop = *spec_.early_stop;
    double best = 0;
    uint32_t since = 0;
    bool none = true;
    for (const auto& [version, values] : run_.evaluated) {
      const double value = static_cast<float>(values[stop.metric.place]);
      const double gain = stop.metric.rises ? value - best : best - value;
      if (none || gain > stop.min_delta) {
        best = value;
        since = 0;
        none = false;
      } else {
        ++since;
      }
    }
    return since >= stop.patience;
  }

  void Evaluate(uint64_t version) {
    const Tensors sum = AddTree(0, spec_.virtual_workers,
                                [&](uint32_t worker) { return Tensors{EvaluateSlice(worker)}; });
    std::vector<double>& out = run_.evaluated[version];
    out = MetricValues(spec_.evaluate.metrics, sum[0].data() + 1, test_->bytes_per_label());
    out.insert(out.begin(), sum[0][0]);
  }

  // One pass a slice: test sets here are small.
  std::vector<float> EvaluateSlice(uint32_t worker) {
    const uint64_t samples = test_->samples();
    const auto [first, last] = SliceOf(samples, spec_.virtual_workers, worker);
    std::vector<uint64_t> indices(last - first);
    std::iota(indices.begin(), indices.end(), first);
    SliceReader reader(*test_, spec_);
    const Batch batch = reader.Read(indices);
    Pass pass(*model_, std::max<int64_t>(1, batch.rows));
    Check(pass.Forward(Pointers(), batch, {false, spec_.seed, 0, 0}, nullptr));
    const std::vector<double> sums = pass.Metrics(batch, spec_.evaluate.metrics);
    std::vector<float> shares(1 + sums.size());
    shares[0] = static_cast<float>(pass.Loss(batch).value() / samples);
    MetricShares(spec_.evaluate.metrics, sums, samples, shares.data() + 1);
    return shares;
  }

  static void Check(const absl::Status& status) { PARACORD_CHECK(status.ok()); }

  const JobSpec spec_;
  const std::unique_ptr<Device> device_;
  const std::unique_ptr<Model> model_;
  const std::shared_ptr<const Dataset> train_, test_;
  const Sampler sampler_;
  Tensors state1_, state2_;
  uint64_t total_steps_ = 0;
  PlainRun run_;
};

// `yaml`: a good job without files.
inline PlainRun RunPlainLoop(const std::string& yaml) {
  return PlainLoop(ParseJobOrStatus(yaml, "/").value()).Run();
}

// The contract's digest of the weights: over the tensors in name order name, a zero byte, shape as
// little-endian u64s, data as little-endian float32.
inline std::string DigestOf(const ModelSpec& model, const Tensors& weights) {
  std::map<std::string, size_t> by_name;
  for (size_t t = 0; t < model.tensors.size(); ++t) by_name[model.tensors[t].name] = t;
  Sha256 hash;
  for (const auto& [name, t] : by_name) {
    hash.Add(name.c_str(), name.size() + 1);
    for (int64_t extent : model.tensors[t].shape) hash.Add(&extent, sizeof(extent));
    hash.Add(weights[t].data(), weights[t].size() * sizeof(float));
  }
  return hash.Hex();
}

}  // namespace paracord
