#include "worker/memory_kills.h"

#include <algorithm>
#include <fstream>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace paracord {
namespace {

// A process is dead only when all of its memory has been given back.
constexpr Duration kDying = seconds(5);

// The number behind `oom_kill` in a file of such lines.
std::optional<uint64_t> KillsIn(const std::string& path) {
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    uint64_t kills = 0;
    if (words.size() == 2 && words[0] == "oom_kill" && absl::SimpleAtoi(words[1], &kills)) {
      return kills;
    }
  }
  return std::nullopt;
}

// The path of this process's group: in v1's hierarchy of `controller`, in v2's for "".
std::string GroupOf(const std::string& root, const std::string& controller) {
  std::ifstream in(root + "/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {  // "4:memory:/a/b", "0::/a/b"
    const std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() < 3) continue;
    const std::vector<std::string> names = absl::StrSplit(parts[1], ',');
    if (std::find(names.begin(), names.end(), controller) != names.end()) return parts[2];
  }
  return "";
}

// In a container what is mounted may begin at its own group, whose path on the host is not there.
std::string GroupFile(const std::string& root) {
  const std::string mounted = root + "/sys/fs/cgroup";
  for (const std::string& file :
       {absl::StrCat(mounted, "/memory", GroupOf(root, "memory"), "/memory.oom_control"),
        absl::StrCat(mounted, GroupOf(root, ""), "/memory.events"),
        mounted + "/memory/memory.oom_control", mounted + "/memory.events"}) {
    if (KillsIn(file)) return file;
  }
  return "";
}

}  // namespace

MemoryKills::MemoryKills(const std::string& root)
    : group_{GroupFile(root)}, host_{root + "/proc/vmstat"} {
  group_.Rise();
  host_.Rise();
}

uint64_t MemoryKills::Count::Rise() {
  const uint64_t now = file.empty() ? last : KillsIn(file).value_or(last);
  const uint64_t before = std::exchange(last, now);
  return now > before ? now - before : 0;
}

void MemoryKills::Look(TimePoint now) {
  const uint64_t rise = std::max(group_.Rise(), host_.Rise());  // most kills are in both
  if (now - rose_at_ > kDying) unexplained_ = 0;
  if (rise == 0) return;
  unexplained_ += rise;
  rose_at_ = now;
}

bool MemoryKills::Explains(TimePoint now) {
  Look(now);
  if (unexplained_ == 0) return false;
  --unexplained_;
  return true;
}

}  // namespace paracord
