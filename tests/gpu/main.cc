// test_gpu: the tests of operations and of models on this host's GPU. Without one it says so and
// counts as passed.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#include <iostream>

#include "common/base/status.h"
#include "tests/gpu/tested_device.h"

int main(int argc, char** argv) {
  const absl::Status opened = paracord::OpenTestedDevice();
  if (!opened.ok()) {
    std::cout << "skipped: no GPU: " << paracord::Describe(opened) << "\n";
    return 0;
  }
  const paracord::ComputeClass of = paracord::TestedDevice().compute_class();
  std::cout << "on " << of.device << " " << of.isa << " " << of.library << std::endl;
  return Catch::Session().run(argc, argv);
}
