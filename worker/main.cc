#include <string>

#include "common/base/daemon.h"
#include "worker/data_check.h"
#include "worker/gpu_discovery.h"
#include "worker/predict_process.h"
#include "worker/predictor_process.h"
#include "worker/task_process.h"
#include "worker/worker.h"

int main(int argc, char** argv) {
  const std::string first = argc > 1 ? argv[1] : "";
  if (first == "--task") return paracord::RunTaskProcess(argc, argv);
  if (first == "--check-data") return paracord::RunDataCheck(argc, argv);
  if (first == "--list-gpus") return paracord::RunListGpus();
  if (first == "--predict") return paracord::RunPredictProcess(argc, argv);
  if (first == "--predictor") return paracord::RunPredictorProcess(argc, argv);
  return paracord::RunDaemon<paracord::Worker>(argc, argv);
}
