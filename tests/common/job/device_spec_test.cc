// What a job file says of what it computes on.
#include <catch2/catch.hpp>

#include "common/job/job_spec.h"

namespace paracord {
namespace {

// A good job with these lines at its end.
ParsedJob Parse(const std::string& lines) {
  return ParseJob(
      "model: {input: [4], layers: [{linear: 3}], loss: softmax_cross_entropy}\n"
      "data: {train: {format: csv, path: a.csv, label: y}}\n"
      "train: {epochs: 2, batch_size: 10, optimizer: {kind: sgd}}\n" +
          lines + "\n",
      "/jobs");
}

std::string Errors(const std::string& lines) {
  std::string text;
  for (const ConfigError& error : Parse(lines).errors) text += ErrorString(error) + "\n";
  return text;
}

TEST_CASE("a job computes on whatever there is unless it says on what; auto without GPUs is cpu") {
  struct Case {
    std::string lines;
    DeviceKind device;
  };
  const Case cases[] = {
      {"", DeviceKind::kAuto},
      {"device: auto", DeviceKind::kAuto},
      {"device: cpu", DeviceKind::kCpu},
      {"device: cuda", DeviceKind::kCuda},
      {"gpus_per_worker: 1", DeviceKind::kAuto},
      {"gpus_per_worker: 0", DeviceKind::kCpu},
      {"device: auto\ngpus_per_worker: 0", DeviceKind::kCpu},
      {"device: cpu\ngpus_per_worker: 0", DeviceKind::kCpu},
      {"device: cuda\ngpus_per_worker: 1", DeviceKind::kCuda},
  };
  for (const Case& c : cases) {
    INFO(c.lines);
    CHECK(Errors(c.lines) == "");
    CHECK(Parse(c.lines).spec.device == c.device);
  }
}

TEST_CASE("gpus_per_worker that no task can have is refused with what is expected") {
  CHECK(Errors("device: cuda\ngpus_per_worker: 2") ==
        "line 5: gpus_per_worker: found '2'; expected 0 or 1: a task on several GPUs is not "
        "available in this version; with more `workers` a job takes more\n");
  CHECK(Errors("gpus_per_worker: 0\ndevice: cuda") ==
        "line 4: gpus_per_worker: found '0' with device cuda; expected 1, or device: cpu\n");
  CHECK(Errors("device: cpu\ngpus_per_worker: 1") ==
        "line 5: gpus_per_worker: found '1' with device cpu; expected 0, or device: cuda or "
        "auto\n");
  CHECK(Errors("gpus_per_worker: -1").find("line 4: gpus_per_worker: found '-1'") == 0);
  CHECK(Errors("gpus_per_worker: many").find("line 4: gpus_per_worker: found 'many'") == 0);
}

}  // namespace
}  // namespace paracord
