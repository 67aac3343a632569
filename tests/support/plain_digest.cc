// plain_digest JOB.yaml: trains the job with the plain loop and prints "SHA256 STEPS", as `paracord
// digest` must for any cluster.
#include <filesystem>
#include <iostream>

#include "common/base/daemon.h"
#include "tests/support/plain_loop.h"

int main(int argc, char** argv) {
  const std::string path = argc == 2 ? argv[1] : "";
  const auto text = paracord::ReadFile(path);
  const auto spec = text.ok() ? paracord::ParseJobOrStatus(
                                    *text, std::filesystem::absolute(path).parent_path().string())
                              : text.status();
  if (!spec.ok()) {
    std::cerr << "plain_digest: " << paracord::Describe(spec.status()) << "\n";
    return 2;
  }
  const paracord::PlainRun run = paracord::PlainLoop(*spec).Run();
  std::cout << paracord::DigestOf(spec->model, run.weights) << " " << run.steps << "\n";
  return 0;
}
