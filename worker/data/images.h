// Folders of PNG and JPEG images, one folder a class (image_folder.h), each image brought to one
// size (image_resize.h).
#pragma once

#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "worker/data/dataset_contents.h"

namespace paracord {

// Pixels [samples, spec.channels, spec.height, spec.width], bytes; the label is the class's number.
// One source: the folder, its sha256 that of all names and contents. InvalidArgument names the
// image that is broken.
absl::StatusOr<DecodedData> DecodeImages(const DatasetSpec& spec);

}  // namespace paracord
