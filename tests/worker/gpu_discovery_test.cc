// The child that looks for GPUs: what it prints, and what becomes of one that crashes or hangs.
#include "worker/gpu_discovery.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/child_process.h"
#include "common/base/daemon.h"
#include "tests/support/fake_gpu.h"
#include "tests/support/temporary_directory.h"

namespace paracord {
namespace {

using Gpus = absl::StatusOr<std::vector<GpuInfo>>;

// A program that is run in place of paracord-worker.
struct Program {
  TemporaryDirectory folder;

  Gpus Ask(const std::string& script, Duration patience = seconds(30)) {
    const std::string path = folder.path() + "/program";
    std::ofstream(path) << "#!/bin/sh\n" << script << "\n";
    chmod(path.c_str(), 0755);
    return AskForGpus(path, folder.path() + "/gpus.log", patience);
  }
};

TEST_CASE("GPUs and the lack of them survive the line of JSON that they travel in") {
  const Gpus two = ParseGpusJson(GpusJson(FakeGpus(2)));
  REQUIRE(two.ok());
  REQUIRE(two->size() == 2);
  CHECK((*two)[1].index == 1);
  CHECK((*two)[1].name == "Fake 1");
  CHECK((*two)[1].memory_bytes == uint64_t{80} << 30);
  CHECK((*two)[1].compute_class == "cuda sm_90x132 CUDA 13.0 cuBLAS 13.0.2");
  const absl::Status why = absl::NotFoundError("no driver: \"libcuda.so.1\"\nnot found");
  CHECK(ParseGpusJson(GpusJson(why)).status() == why);
  std::vector<GpuInfo> odd = FakeGpus(1);
  odd[0].name = "not \xff UTF-8";
  CHECK(ParseGpusJson(GpusJson(odd)).ok());
}

TEST_CASE("what is no such line is refused, whatever it is") {
  const std::string good = GpusJson(FakeGpus(2));
  for (size_t length = 0; length < good.size(); ++length) {
    CHECK(absl::IsInvalidArgument(ParseGpusJson(good.substr(0, length)).status()));
  }
  for (const std::string line :
       {"", "[]", "3", "{}", R"({"gpus": {}})", R"({"gpus": [3]})", R"({"gpus": [{}]})",
        R"({"gpus": [{"index": -1, "name": "", "memory_bytes": 1, "compute_class": ""}]})",
        R"({"gpus": [{"index": 64, "name": "", "memory_bytes": 1, "compute_class": ""}]})",
        R"({"gpus": [{"index": 0, "name": 1, "memory_bytes": 1, "compute_class": ""}]})",
        R"({"gpus": [{"index": 0, "name": "", "memory_bytes": 1e99, "compute_class": ""}]})"}) {
    INFO(line);
    CHECK(absl::IsInvalidArgument(ParseGpusJson(line).status()));
  }
  std::vector<GpuInfo> twice = FakeGpus(2);
  twice[1].index = 0;
  CHECK(absl::IsInvalidArgument(ParseGpusJson(GpusJson(twice)).status()));
  CHECK(ParseGpusJson(R"({"gpus": []})").status() == absl::NotFoundError("no GPU was found"));
}

TEST_CASE("a child is asked for the GPUs, and what a driver prints beside them is passed over") {
  Program program;
  const std::string line = GpusJson(FakeGpus(2));
  const Gpus two = program.Ask("echo \"asked $1\"; echo noise >&2; echo '" + line + "'; echo more");
  REQUIRE(two.ok());
  CHECK(two->size() == 2);
  CHECK(absl::StrContains(ReadFile(program.folder.path() + "/gpus.log").value(),
                          "asked --list-gpus"));
  CHECK(program.Ask("echo '" + GpusJson(absl::NotFoundError("no driver")) + "'").status() ==
        absl::NotFoundError("no driver"));  // and what the last one printed is forgotten
}

TEST_CASE("a child that crashes, hangs or talks nonsense is an error that names it and its log") {
  Program program;
  const std::string line = GpusJson(FakeGpus(2));
  const auto said = [&](const std::string& script, Duration patience = seconds(30)) {
    const absl::Status status = program.Ask(script, patience).status();
    CHECK(absl::IsInternal(status));
    CHECK(absl::StrContains(status.message(), "/program --list-gpus"));
    CHECK(absl::StrContains(status.message(), "see " + program.folder.path() + "/gpus.log"));
    return std::string(status.message());
  };
  CHECK(absl::StrContains(said("echo '" + line + "'; kill -SEGV $$"), "ended with 139"));
  CHECK(absl::StrContains(said("exit 3"), "ended with 3"));
  CHECK(absl::StrContains(said("exec sleep 1000", milliseconds(200)), "not ended after 200 ms"));
  CHECK(absl::StrContains(said("echo hello"), "found no line of JSON"));
  CHECK(absl::StrContains(said("true"), "found no line of JSON"));
  CHECK(!AskForGpus("/nowhere/program", program.folder.path() + "/gpus.log", seconds(30)).ok());
}

TEST_CASE("this program's own answer is a line that is understood") {
  const Gpus gpus = ListGpus();
  const Gpus again = ParseGpusJson(GpusJson(gpus));
  CHECK(again.ok() == gpus.ok());
  if (!gpus.ok()) CHECK(again.status() == absl::NotFoundError(gpus.status().message()));
}

}  // namespace
}  // namespace paracord
