#include "tests/worker/tensor/tested_ops.h"

#include "worker/tensor/cpu_ops.h"

namespace paracord {

std::vector<TestedOps> AllTestedOps() {
  TestedOps cpu = {"CPU", std::make_shared<CpuOps>(), {}};
  for (auto& width : OpsOfEveryWidth()) cpu.twins.push_back(std::move(width));
  const TestedOps blocks = {"kernels on the host",
                            MakeHostOps(HostOrder::kForward),
                            {MakeHostOps(HostOrder::kBackward), MakeHostOps(HostOrder::kShuffled)}};
  return {cpu, blocks};
}

}  // namespace paracord
