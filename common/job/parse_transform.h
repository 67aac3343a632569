// What the data section says of images beside their scale.
//
//   normalize: {mean: [0.49, 0.48, 0.45], std: [0.25, 0.24, 0.26]}    after `scale`, by channel
//   augment: {flip: horizontal, crop: {padding: 4}}                   in training alone
#pragma once

#include "common/base/config.h"
#include "common/job/job_spec.h"

namespace paracord {

// Reads `normalize` and `augment` of the data section `data`.
TransformSpec ParseTransform(const ConfigNode& data);

}  // namespace paracord
