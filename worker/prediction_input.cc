#include "worker/prediction_input.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "worker/data/image_folder.h"

namespace paracord {

using Format = DatasetSpec::Format;

absl::StatusOr<DatasetSpec> PredictionInput(const JobSpec& job, const std::string& path) {
  DatasetSpec input = job.train;
  input.labelled = false;
  input.rows = {};
  input.line = 0;
  if (absl::EndsWith(path, ".npy")) {
    input.format = Format::kNpy;
  } else if (input.format == Format::kSynthetic) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": found a job of synthetic data, which are in no file; expected a FILE.npy"));
  }
  if (input.format == Format::kCsv && input.table.Learns()) {
    input.table.learn_from = job.train.path;
    input.table.learn_rows = job.train.rows;
  }
  input.from = 0;
  input.to = 1;
  input.stride = input.context;
  input.images = path;
  input.path = path;
  input.paths = {path};
  return input;
}

absl::StatusOr<std::vector<std::string>> SampleNames(const DatasetSpec& input) {
  std::vector<std::string> names;
  if (input.format != Format::kImages) return names;
  ASSIGN_OR_RETURN(ImageFolder folder, ListImageFolder(input.path, input.labelled));
  for (ImageFolder::Image& image : folder.images) names.push_back(std::move(image.name));
  return names;
}

}  // namespace paracord
