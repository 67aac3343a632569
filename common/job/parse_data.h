// The data section of a job file: where the samples come from.
//
//   train: {format: csv, path: houses.csv, label: price}
//   test:  {format: synthetic, samples: 1000, features: 20, classes: 3, noise: 0.05, seed: 1}
//   scale: 0.00392156862745098
//
// Other formats: {format: text, path: FILE, context: 128, stride: 64, split: {from: 0, to: 0.9},
// vocabulary: FILE}, {format: cifar, paths: [FILE, ...], classes: 10}, {format: images, path:
// FOLDER, size: [32, 32], channels: 3}, {format: npy, features: FILE, labels: FILE}, idx and
// libsvm. All but text and synthetic take `rows` (parse_table.h, as the other keys of csv);
// `normalize` and `augment` are in parse_transform.h.
#pragma once

#include <string>

#include "common/base/config.h"
#include "common/job/job_spec.h"
#include "common/job/parse_model.h"

namespace paracord {

// Fills spec's train, test and scale. Paths become absolute, from `directory`. What the file alone
// tells about the samples must suit `model`; what is in the data files is checked when they are
// opened (worker/data).
void ParseData(const ConfigNode& data, const std::string& directory, const ParsedModel& model,
               JobSpec* spec);

}  // namespace paracord
