#include "worker/data_check.h"

#include <filesystem>
#include <iostream>
#include <iterator>
#include <string>

#include "common/base/daemon.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "worker/data/dataset.h"
#include "worker/data/model_check.h"
#include "worker/model/metric.h"

namespace paracord {
namespace {

// False: it does not suit; said on stderr.
bool CheckOne(const char* what, const DatasetSpec& data, const JobSpec& job,
              const MetricKinds& metrics, uint64_t* samples) {
  auto opened = OpenDataset(data, "");
  absl::Status status = opened.status();
  DatasetSpec unnumbered = data;
  unnumbered.line = 0;  // is said below
  if (status.ok()) status = CheckAgainstModel(**opened, unnumbered, job.model);
  if (status.ok()) status = CheckTransform(**opened, unnumbered, job.transform);
  if (status.ok()) status = CheckTestSet(metrics, (*opened)->samples());
  if (status.ok()) *samples = (*opened)->samples();
  if (status.ok()) return true;
  std::cerr << "line " << data.line << ": data." << what << ": " << status.message() << "\n";
  return false;
}

}  // namespace

int RunDataCheck(int argc, char** argv) {
  const std::string path = argc > 2 ? argv[2] : "";
  std::string directory = std::filesystem::path(path).parent_path().string();
  if (argc == 5 && std::string(argv[3]) == "--directory") directory = argv[4];
  if (path.empty() || (argc != 3 && argc != 5)) {
    std::cerr << "usage: paracord-worker --check-data JOB.yaml|- [--directory DIR]\n";
    return 2;
  }
  SetLogLevel(LogLevel::kError);
  std::string text;
  if (path == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    auto read = ReadFile(path);
    if (!read.ok()) {
      std::cerr << read.status().message() << "\n";
      return 2;
    }
    text = *std::move(read);
  }
  const ParsedJob job = ParseJob(text, directory);
  for (const ConfigError& error : job.errors) std::cerr << ErrorString(error) << "\n";
  if (!job.errors.empty()) return 2;
  uint64_t train = 0, test = 0;
  bool good = CheckOne("train", job.spec.train, job.spec, {}, &train);
  if (job.spec.test) {
    good &= CheckOne("test", *job.spec.test, job.spec, job.spec.evaluate.metrics, &test);
  }
  if (!good) return 2;
  std::cout << "train " << train << "\ntest " << test << "\nsteps " << job.spec.TotalSteps(train)
            << "\n";
  return 0;
}

}  // namespace paracord
