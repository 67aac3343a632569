#include "worker/memory_kills.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/support/temporary_directory.h"
#include "worker/memory_guard.h"

namespace paracord {
namespace {

const TimePoint kNow{seconds(1000)};

// The kernel's files.
struct Kernel {
  TemporaryDirectory directory;

  void Write(const std::string& path, const std::string& text) const {
    const std::filesystem::path file = directory.path() + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  void Host(int kills) const {
    Write("/proc/vmstat", absl::StrCat("nr_free_pages 7\noom_kill ", kills, "\n"));
  }
};

TEST_CASE("a kill that the cgroup counts explains one death, in either version of cgroups") {
  const Kernel kernel;
  std::string file, before, after;
  SECTION("v2") {
    kernel.Write("/proc/self/cgroup", "0::/jobs/a\n");
    file = "/sys/fs/cgroup/jobs/a/memory.events";
    before = "low 0\noom 3\noom_kill 3\n", after = "low 0\noom 4\noom_kill 4\n";
  }
  SECTION("v1") {
    kernel.Write("/proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/jobs/a\n0::/\n");
    file = "/sys/fs/cgroup/memory/jobs/a/memory.oom_control";
    before = "under_oom 0\noom_kill 3\n", after = "under_oom 0\noom_kill 4\n";
  }
  SECTION("a container that sees its own group alone") {
    kernel.Write("/proc/self/cgroup", "0::/host/path\n");
    file = "/sys/fs/cgroup/memory.events";
    before = "oom_kill 3\n", after = "oom_kill 4\n";
  }
  kernel.Write(file, before);
  MemoryKills kills(kernel.directory.path());
  CHECK_FALSE(kills.Explains(kNow));
  kernel.Write(file, after);
  CHECK(kills.Explains(kNow));
  CHECK_FALSE(kills.Explains(kNow));
}

TEST_CASE("a kill that only the host counts explains a death soon after it, not later") {
  const Kernel kernel;
  kernel.Host(1);
  MemoryKills kills(kernel.directory.path());
  kernel.Host(3);
  kills.Look(kNow);
  CHECK(kills.Explains(kNow + seconds(1)));
  CHECK_FALSE(kills.Explains(kNow + seconds(60)));
  kernel.Host(4);
  CHECK(kills.Explains(kNow + seconds(61)));
}

TEST_CASE("a kill that cgroup and host count is one") {
  const Kernel kernel;
  kernel.Host(7);
  kernel.Write("/sys/fs/cgroup/memory.events", "oom_kill 0\n");
  MemoryKills kills(kernel.directory.path());
  kernel.Host(8);
  kernel.Write("/sys/fs/cgroup/memory.events", "oom_kill 1\n");
  CHECK(kills.Explains(kNow));
  CHECK_FALSE(kills.Explains(kNow));
}

TEST_CASE("where the kernel has no such files, or broken ones, nothing is explained") {
  const Kernel kernel;
  MemoryKills none(kernel.directory.path());
  CHECK_FALSE(none.Explains(kNow));
  kernel.Write("/proc/self/cgroup", "0\n:::\n\n4:memory");
  kernel.Write("/proc/vmstat", "oom_kill\noom_kill x\noom_kill -1\n");
  MemoryKills broken(kernel.directory.path());
  CHECK_FALSE(broken.Explains(kNow));
}

TEST_CASE("an allocation that fails becomes an error that says what was being done") {
  const auto doing = [] { return SliceName(7, 2); };
  const absl::Status status =
      NameOutOfMemory(doing, []() -> absl::Status { throw std::bad_alloc(); });
  CHECK(Describe(status) == "ResourceExhausted: out of memory: computing step 7, virtual worker 2");
  CHECK(NameOutOfMemory(doing, [] { return absl::OkStatus(); }).ok());
  CHECK(NameOutOfMemory(doing, [] { return absl::StatusOr<int>(3); }).value() == 3);
}

}  // namespace
}  // namespace paracord
