// The kinds of operations that a program tests: a promise of ops.h is tested on all of them by the
// same test.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/host_ops.h"
#include "tests/worker/tensor/ops_check.h"

namespace paracord {

struct TestedOps {
  std::string name;
  std::shared_ptr<const Ops> ops;
  std::vector<std::shared_ptr<const Ops>> twins;  // give the same bits
};

// For GENERATE(from_range(AllTestedOps())): a test case runs once for each. In test_tensor those of
// the host (tested_ops.cc), in test_gpu the GPU's (tests/gpu/tested_device.cc).
std::vector<TestedOps> AllTestedOps();

// compute(ops) again, at the same time on two fresh threads, and by each twin.
template <typename Compute>
void CheckSameBitsAgain(const TestedOps& tested, const Results& expected, Compute compute) {
  Results first, second;
  std::thread one([&] { first = compute(*tested.ops); });
  std::thread two([&] { second = compute(*tested.ops); });
  one.join();
  two.join();
  CHECK(SameBits(expected, compute(*tested.ops)));
  CHECK(SameBits(expected, first));
  CHECK(SameBits(expected, second));
  for (const auto& twin : tested.twins) CHECK(SameBits(expected, compute(*twin)));
}

}  // namespace paracord
