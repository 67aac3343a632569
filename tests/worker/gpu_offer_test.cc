#include "worker/gpu_offer.h"

#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"
#include "tests/support/fake_gpu.h"

namespace paracord {
namespace {

struct Choice {
  explicit Choice(const std::string& value) : reader(absl::StrCat("gpus: ", value)) {
    choice = ParseGpus(reader.root());
  }
  std::string Error() const {
    return reader.errors().empty() ? "" : ErrorString(reader.errors()[0]);
  }
  const ConfigReader reader;
  GpuChoice choice;
};

GpuFinder Finding(int count) {
  return [count] { return FakeGpus(count); };
}

GpuFinder FindingNone() {
  return [] { return absl::NotFoundError("looked for the module, which does not exist"); };
}

std::string Indices(const pb::JoinRequest& join) {
  std::string text;
  for (const pb::Gpu& gpu : join.gpus()) absl::StrAppend(&text, gpu.index(), " ");
  return text;
}

TEST_CASE("gpus is auto, none, or a list; what is printed is read as the same") {
  CHECK(PrintGpus(ParseGpus(ConfigReader("").root())) == "auto");
  for (const std::string value : {"auto", "none", "[0]", "[0, 1, 7]"}) {
    const Choice choice(value);
    CHECK(choice.Error() == "");
    CHECK(PrintGpus(choice.choice) == value);
  }
  CHECK(PrintGpus(Choice("[3, 1]").choice) == "[1, 3]");
}

TEST_CASE("gpus that are nothing of that are refused with what was found and expected") {
  CHECK(Choice("all").Error() == "line 1: gpus: found 'all'; expected one of auto, none");
  CHECK(Choice("1").Error() == "line 1: gpus: found '1'; expected one of auto, none");
  CHECK(Choice("[]").Error() ==
        "line 1: gpus: found an empty list; expected auto, none, or [0, 1]");
  CHECK(Choice("[1, 1]").Error().find("found '1' twice; expected each GPU once") !=
        std::string::npos);
  CHECK(Choice("[-1]").Error() != "");
  CHECK(Choice("[64]").Error() != "");
  CHECK(Choice("[zero]").Error() != "");
  CHECK(Choice("{0: 1}").Error() != "");
}

TEST_CASE("a part of a GPU's memory has room for as many tasks as it goes into the whole") {
  CHECK(TasksPerGpu(1) == 1);
  CHECK(TasksPerGpu(0.9) == 1);
  CHECK(TasksPerGpu(0.51) == 1);
  CHECK(TasksPerGpu(0.5) == 2);
  CHECK(TasksPerGpu(0.45) == 2);
  CHECK(TasksPerGpu(1.0 / 3) == 3);
  CHECK(TasksPerGpu(0.3333333333) == 3);
  CHECK(TasksPerGpu(0.1) == 10);
  CHECK(TasksPerGpu(0.2) == 5);
  CHECK(TasksPerGpu(1e-300) == 1024);
}

TEST_CASE("a worker offers all GPUs or those that are listed, with class, memory and slots") {
  pb::JoinRequest all, listed;
  REQUIRE(OfferGpus(GpuChoice(), 0.45, Finding(3), &all).ok());
  CHECK(Indices(all) == "0 1 2 ");
  CHECK(all.gpus(1).name() == "Fake 1");
  CHECK(all.gpus(1).memory_bytes() == uint64_t{80} << 30);
  CHECK(all.gpus(1).compute().device() == "cuda");
  CHECK(all.gpus(1).compute().isa() == "sm_90x132");
  CHECK(all.gpus(1).compute().library() == "CUDA 13.0 cuBLAS 13.0.2");
  CHECK(all.gpus(1).slots() == 2);
  REQUIRE(OfferGpus(Choice("[2, 0]").choice, 1, Finding(3), &listed).ok());
  CHECK(Indices(listed) == "0 2 ");
  CHECK(listed.gpus(1).slots() == 1);
}

TEST_CASE("a class of GPUs is one whether it is written with its device and commas or without") {
  for (const std::string text : {"cuda sm_80 CUDA 13.0", "sm_80, CUDA 13.0", "sm_80 CUDA 13.0"}) {
    const GpuFinder find = [&] {
      std::vector<GpuInfo> gpus = FakeGpus(1);
      gpus[0].compute_class = text;
      return gpus;
    };
    pb::JoinRequest join;
    REQUIRE(OfferGpus(GpuChoice(), 1, find, &join).ok());
    CHECK(join.gpus(0).compute().device() == "cuda");
    CHECK(join.gpus(0).compute().isa() == "sm_80");
    CHECK(join.gpus(0).compute().library() == "CUDA 13.0");
  }
}

TEST_CASE("a worker without GPUs says why, and asks nobody when it wants none") {
  pb::JoinRequest none, missing;
  const GpuFinder never = []() -> absl::StatusOr<std::vector<GpuInfo>> {
    FAIL("asked");
    return FakeGpus(1);
  };
  REQUIRE(OfferGpus(Choice("none").choice, 1, never, &none).ok());
  CHECK(none.gpus().empty());
  CHECK(none.no_gpus() == "gpus: none in its configuration");
  REQUIRE(OfferGpus(GpuChoice(), 1, FindingNone(), &missing).ok());
  CHECK(missing.no_gpus() == "looked for the module, which does not exist");
}

TEST_CASE("a GPU that is listed and not there is refused with those that are") {
  pb::JoinRequest join;
  const absl::Status wrong = OfferGpus(Choice("[0, 3]").choice, 1, Finding(2), &join);
  CHECK(absl::IsInvalidArgument(wrong));
  CHECK(wrong.message() ==
        "gpus: found [0, 3]; expected auto, none, or some of those that this host has: 0 (Fake 0, "
        "cuda sm_90x132 CUDA 13.0 cuBLAS 13.0.2), 1 (Fake 1, cuda sm_90x132 CUDA 13.0 cuBLAS "
        "13.0.2)");
  const absl::Status none = OfferGpus(Choice("[0]").choice, 1, FindingNone(), &join);
  CHECK(absl::IsInvalidArgument(none));
  CHECK(none.message() ==
        "gpus: found [0]; expected auto, none, or some of those that this host has: none, looked "
        "for the module, which does not exist");
  CHECK(join.gpus().empty());
}

}  // namespace
}  // namespace paracord
