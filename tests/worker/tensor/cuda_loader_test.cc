#include "worker/tensor/cuda_loader.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/support/temporary_directory.h"

namespace paracord {
namespace {

// Why the file is refused.
std::string Refused(const std::string& path) {
  const absl::Status status = LoadCudaModule(path).status();
  CHECK(status.code() == absl::StatusCode::kNotFound);
  CHECK(std::string(status.message()).find(path) != std::string::npos);
  return std::string(status.message());
}

bool Says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a module that is missing, torn or of another build is refused with what was found") {
  const TemporaryDirectory directory;
  const std::string missing = directory.path() + "/libparacord_cuda.so";
  CHECK(Says(Refused(missing), "does not exist"));
  const std::string torn = directory.path() + "/torn.so";
  std::ofstream(torn) << "\x7f"
                         "ELF and no more";
  CHECK(Says(Refused(torn), "does not load"));
  const std::string other = Refused(PARACORD_OTHER_MODULE);
  CHECK(Says(other, "found interface 0123456789abcdef; expected "));
}

TEST_CASE("the module of this build lies beside the program, loads, and says what it looked for") {
  CHECK(std::filesystem::path(CudaModulePath()).filename() == kCudaModule);
  if (!std::filesystem::exists(CudaModulePath())) {
    CHECK(ListGpus().status().message() == Refused(CudaModulePath()));
    return;
  }
  const absl::StatusOr<const CudaModule*> module = LoadCudaModule(CudaModulePath());
  if (!module.ok()) {  // CUDA's libraries are not on this host
    CHECK(Says(Refused(CudaModulePath()), ".so"));
    return;
  }
  const absl::StatusOr<std::vector<GpuInfo>> gpus = ListGpus();
  if (gpus.ok()) {
    CHECK_FALSE(gpus->empty());
    return;
  }
  CHECK(gpus.status().code() == absl::StatusCode::kNotFound);
  CHECK(Says(std::string(gpus.status().message()), "looked for an NVIDIA GPU: found "));
  CHECK(
      Says(std::string(gpus.status().message()), "; expected a driver (libcuda.so.1) for CUDA 1"));
}

TEST_CASE("without a GPU device cuda says what was looked for, and auto is the CPU") {
  if (ListGpus().ok()) return;
  const absl::Status cuda = OpenDevice(DeviceKind::kCuda).status();
  CHECK(cuda.code() == absl::StatusCode::kInvalidArgument);
  CHECK(Says(std::string(cuda.message()), "device cuda: looked for "));
  CHECK(Says(std::string(cuda.message()), std::string(ListGpus().status().message())));
  const absl::StatusOr<std::unique_ptr<Device>> device = OpenDevice(DeviceKind::kAuto);
  REQUIRE(device.ok());
  CHECK((*device)->host_memory());
}

}  // namespace paracord
