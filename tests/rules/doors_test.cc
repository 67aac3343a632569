#include <catch2/catch.hpp>

#include "tests/rules/includes.h"

namespace paracord {
namespace {

// A foreign library, the units whose files may include it, and whether their headers say so with
// "[door: NAME]".
struct Door {
  std::string library;
  std::vector<std::string> headers;  // regular expressions, of the whole path
  std::vector<std::string>
      units;  // "server/block_db" is block_db.h and block_db.cc; "x/" is a folder
  bool marked = true;
};

const std::vector<Door>& Doors() {
  static const auto& doors = *new std::vector<Door>{
      {"gRPC",
       {"grpc/.*", "grpcpp/.*", "google/protobuf/.*", ".*\\.grpc\\.pb\\.h"},
       {"common/rpc/rpc", "common/rpc/wire", "common/rpc/poller", "common/rpc/caller",
        "server/shard_service", "scheduler/coordinator_service", "scheduler/cli/worker_log",
        "worker/node_service", "worker/predict_calls", "worker/remote_predictor"}},
      {"RocksDB",
       {"rocksdb/.*"},
       {"common/base/rocks", "server/generation_files", "server/sorted_file", "scheduler/journal"}},
      {"yaml-cpp", {"yaml-cpp/.*"}, {"common/base/yaml_tree"}},
      {"spdlog", {"spdlog/.*"}, {"common/base/log"}},
      {"OpenSSL", {"openssl/.*"}, {"common/base/sha256"}},
      {"xxHash", {"xxhash\\.h"}, {"common/base/fast_hash"}},
      {"oneDNN",
       {".*dnnl.*"},
       {"worker/tensor/gemm", "worker/tensor/convolution", "worker/tensor/compute_class"},
       false},
      {"CUDA",
       {"cuda[a-z_0-9]*\\.h", "cublas\\w*\\.h"},
       {"worker/tensor/cuda/gpu_queue", "worker/tensor/cuda/gpu_info", "worker/tensor/cuda/staging",
        "worker/tensor/cuda/cublas_product"}},
      {"zlib",
       {"zlib\\.h"},
       {"worker/data/source_file", "worker/data/checksum", "scheduler/cli/npz",
        "scheduler/cli/text_input"}},
      {"libpng", {"png\\.h"}, {"worker/data/png_image"}},
      {"libjpeg", {"jpeglib\\.h", "jerror\\.h"}, {"worker/data/jpeg_image"}},
      {"CLI11", {"CLI/.*"}, {"scheduler/cli/command_line"}},
      {"nlohmann-json",
       {"nlohmann/.*"},
       {"common/base/safetensors_header", "scheduler/cli/", "server/copy_layout",
        "server/copy_manifest", "worker/gpu_discovery"},
       false}};
  return doors;
}

// What needs no door: the language and its compiler, POSIX and Linux, abseil.
bool Everywhere(const std::string& path) {
  static const auto& free =
      *new std::regex("absl/.*|(sys|netinet|arpa|linux|sanitizer)/.*\\.h|[a-z_0-9]+(\\.h)?");
  return std::regex_match(path, free);
}

const Door* DoorOf(const std::string& header) {
  for (const Door& door : Doors()) {
    for (const std::string& form : door.headers) {
      if (std::regex_match(header, std::regex(form))) return &door;
    }
  }
  return nullptr;
}

bool IsThrough(const Door& door, const std::string& file) {
  return std::any_of(door.units.begin(), door.units.end(), [&](const std::string& unit) {
    if (EndsWith(unit, "/")) return StartsWith(file, unit);
    return file == unit + ".h" || file == unit + ".cc";
  });
}

// A comment that was broken into lines, in one.
std::string Unwrapped(const std::string& text) {
  return std::regex_replace(text, std::regex("\\s*\n// *"), " ");
}

bool InProduct(const std::string& path) { return !StartsWith(path, "tests/"); }

std::vector<std::string> BesideTheDoor(const SourceTree& tree) {
  std::vector<std::string> wrong;
  for (const Include& include : AllIncludes(tree)) {
    if (!InProduct(include.file)) continue;
    const Door* door = DoorOf(include.path);
    if (door != nullptr && !IsThrough(*door, include.file)) wrong.push_back(include.Where());
    if (door != nullptr || Everywhere(include.path)) continue;
    const bool ours = include.quoted && Names(tree, include.path.substr(0, include.path.find('/')));
    if (!ours) wrong.push_back(include.Where() + ", a library without a door");
  }
  return wrong;
}

TEST_CASE("each foreign library enters the product through its named files alone") {
  CHECK(Listed(BesideTheDoor(ThisTree())) == "");
}

TEST_CASE("every door that is listed is used, and says in its header which one it is") {
  std::vector<std::string> wrong;
  for (const Door& door : Doors()) {
    for (const std::string& unit : door.units) {
      bool used = false;
      for (const Include& include : AllIncludes(ThisTree())) {
        used |= DoorOf(include.path) == &door && IsThrough(door, include.file) &&
                StartsWith(include.file, unit);
      }
      if (!used) wrong.push_back(unit + " does not include " + door.library);
      const SourceFile* header = FindFile(ThisTree(), unit + ".h");
      if (!door.marked || header == nullptr) continue;
      if (Unwrapped(header->text).find("[door: " + door.library + "]") == std::string::npos) {
        wrong.push_back(header->path + " does not say [door: " + door.library + "]");
      }
    }
  }
  CHECK(Listed(wrong) == "");
}

TEST_CASE("the check of doors sees a library that comes in elsewhere, and one that nobody knows") {
  const auto refused = [](const std::string& file, const std::string& line) {
    return !BesideTheDoor({{file, line + "\n"}, {"common/base/log.h", ""}}).empty();
  };
  CHECK(refused("server/server.cc", "#include <grpcpp/grpcpp.h>"));
  CHECK(refused("server/parameter_shard.h", "#include \"proto/shard.grpc.pb.h\""));
  CHECK(refused("server/block_store.cc", "#include <rocksdb/db.h>"));
  CHECK(refused("common/job/job_spec.cc", "#include <yaml-cpp/yaml.h>"));
  CHECK(refused("worker/trainer.cc", "#include \"oneapi/dnnl/dnnl.h\""));
  CHECK(refused("worker/task.cc", "#include <cuda_runtime_api.h>"));
  CHECK(refused("worker/tensor/cuda/cuda_ops.cu", "#include <cublas_v2.h>"));
  CHECK(refused("server/server.cc", "#include <nlohmann/json.hpp>"));
  CHECK(refused("server/server.cc", "#include <boost/asio.hpp>"));
  CHECK(refused("server/server.cc", "#include \"Eigen/Dense\""));
  CHECK_FALSE(refused("server/generation_files.cc", "#include <rocksdb/db.h>"));
  CHECK_FALSE(refused("server/server.cc", "#include <sys/stat.h>"));
  CHECK_FALSE(refused("server/server.cc", "#include \"common/base/log.h\""));
  CHECK_FALSE(refused("tests/server/x_test.cc", "#include <grpcpp/grpcpp.h>"));
}

}  // namespace
}  // namespace paracord
