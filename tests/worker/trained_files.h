// A small trained model for tests of prediction: a job's text, and a file of drawn weights.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "common/base/daemon.h"
#include "tests/support/model_builder.h"
#include "tests/support/safetensors_bytes.h"
#include "tests/support/temporary_directory.h"
#include "worker/trained_model.h"

namespace paracord {

struct TrainedFiles {
  TemporaryDirectory folder;

  std::string Path(const std::string& name) const { return folder.path() + "/" + name; }
  std::string Write(const std::string& name, const std::string& bytes) const {
    REQUIRE(WriteFileAtomically(Path(name), bytes).ok());
    return Path(name);
  }
  // `model` and `data`: the sections of a job file, each on one line.
  static std::string Text(const std::string& model, const std::string& data) {
    return "name: j\nseed: 3\nmodel: " + model + "\ndata: " + data +
           "\ntrain: {steps: 1, batch_size: 4, optimizer: {kind: sgd}}\n";
  }
  JobSpec Job(const std::string& model, const std::string& data) const {
    return ParseJobOrStatus(Text(model, data), folder.path()).value();
  }
  std::unique_ptr<TrainedModel> Train(const JobSpec& job) const {
    std::vector<NamedTensor> tensors;
    for (const TensorSpec& tensor : job.model.tensors) {
      const auto values = RandomFloats(41 + tensors.size(), tensor.size(), 0.5f);
      tensors.push_back({tensor.name, tensor.shape, FloatBytes(values)});
    }
    return TrainedModel::Open(job, Write("w.safetensors", SafetensorsOf(tensors))).value();
  }
};

}  // namespace paracord
