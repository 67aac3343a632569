// The job files of the make-believe cluster: small, and good ones.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"

namespace paracord {

struct SimJob {
  std::string name = "sim";
  uint32_t workers = 1;
  uint32_t max_restarts = 2;
  uint32_t min_workers = 0;  // 0: no range, exactly `workers`
  std::string consistency = "bsp";
  bool balance = false;
  std::string device = "auto";
  int units = 4;
  std::string checkpoint = "{}";
  std::string init = "";  // none
  bool test = false;      // with a test set, evaluated each step
  std::string Yaml() const;
};

inline constexpr uint64_t kSimSteps = 10;
inline constexpr uint32_t kSimVirtualWorkers = 8;

inline std::string SimJob::Yaml() const {
  return absl::StrCat(
      "name: ", name, "\nmodel:\n  input: [4]\n  layers: [{linear: ", units,
      "}]\n  loss: softmax_cross_entropy\n"
      "data:\n  train: {format: synthetic, samples: 40, features: 4, classes: ",
      units, "}\n",
      test ? absl::StrCat("  test: {format: synthetic, samples: 8, features: 4, classes: ", units,
                          "}\n")
           : "",
      "train:\n  steps: ", kSimSteps, test ? "\n  evaluate: {every: 1 step}" : "",
      "\n  batch_size: 8\n  virtual_workers: ", kSimVirtualWorkers,
      "\n  optimizer: {kind: sgd, lr: 0.1}\nworkers: ",
      min_workers == 0 ? absl::StrCat(workers)
                       : absl::StrCat("{min: ", min_workers, ", max: ", workers, "}"),
      "\nconsistency: ", consistency, "\nbalance: ", balance ? "auto" : "off", "\ndevice: ", device,
      "\nrestart: {max_restarts: ", max_restarts, "}\ncheckpoint: ", checkpoint,
      init.empty() ? "" : absl::StrCat("\ninit: ", init), "\n");
}

}  // namespace paracord
