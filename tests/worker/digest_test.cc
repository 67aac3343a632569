// The digest of one small job of the plain loop, as constants: an accidental change of the bits of
// any layer, loss or product would pass every test that compares a cluster with that loop.
//
// oneDNN's products have bits of their own for each instruction set, so the test runs itself once
// more under each. Within one they do not depend on the CPU's make: kernels and blocks of float32
// products are chosen by instruction set and shape alone (gemm_info_t::jit_init), which promise 1
// relies on when a job's gang is matched by compute class. Another version of oneDNN is another
// class: its digests are printed and not compared.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <string>

#include "tests/support/plain_loop.h"
#include "worker/tensor/compute_class.h"

namespace paracord {
namespace {

constexpr const char* kLibrary = "oneDNN 2.6.3";
constexpr const char* kOwnDigest = "the job's digest in this process is the one that is pinned";

// A layer of every kind that computes.
constexpr const char* kJob = R"(name: pinned
seed: 21
device: cpu
model:
  input: [150]
  layers:
    - {linear: 120}
    - relu
    - {dropout: 0.25}
    - {linear: 40}
    - gelu
    - {linear: 24}
    - tanh
    - {linear: {units: 16, bias: false}}
    - sigmoid
    - {linear: 5}
  loss: softmax_cross_entropy
data:
  train: {format: synthetic, samples: 301, features: 150, classes: 5, noise: 0.1, seed: 1}
train:
  epochs: 3
  batch_size: 64
  virtual_workers: 6
  optimizer: {kind: momentum, lr: 0.1, momentum: 0.9, weight_decay: 0.001, schedule: cosine}
)";

// AVX512_CORE, AVX512_CORE_VNNI and so on multiply float32 by the same code.
std::string Family(const std::string& isa) {
  return isa.starts_with("AVX512_CORE") ? "AVX512_CORE" : isa;
}

TEST_CASE(kOwnDigest) {
  const std::map<std::string, std::string> pinned = {
      {"SSE41", "972932c33535d347e46f167067a33acf9f455e1933d37bd5c83ceca55f6977ea"},
      {"AVX", "34e5225bacf62a1d389de3a02b8b1d71e0ebdc26de53a78f0b2916f35a5cca98"},
      {"AVX2", "5eb7cde8f0b9b2bca397fc2e3204c92cb6606b7fc38931143f5a5109851eed54"},
      {"AVX512_CORE", "a8b3b8b9b6da229309267a1857a037c3624319def21edefc3bf021055753168f"},
  };
  const PlainRun run = RunPlainLoop(kJob);
  const std::string digest = DigestOf(ParseJobOrStatus(kJob, "/").value().model, run.weights);
  const ComputeClass compute = CpuComputeClass();
  const std::string name = absl::StrCat(compute.isa, " of ", compute.library);
  INFO(name);
  const auto known = pinned.find(Family(compute.isa));
  if (compute.library != kLibrary || known == pinned.end()) {
    std::cerr << "no digest is pinned for " << name << ": " << digest << "\n";
    return;
  }
  CHECK(digest == known->second);
}

// oneDNN reads its environment once, so each instruction set needs a process. One that the host
// lacks ends as the best that it has.
TEST_CASE("the job's digest is the one that is pinned for every instruction set of this host") {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  for (const char* isa : {"SSE41", "AVX", "AVX2", "AVX512_CORE"}) {
    INFO(isa);
    const std::string command =
        absl::StrCat("ONEDNN_MAX_CPU_ISA=", isa, " '", self, "' \"", kOwnDigest, "\" 1>&2");
    CHECK(std::system(command.c_str()) == 0);
  }
}

}  // namespace
}  // namespace paracord
