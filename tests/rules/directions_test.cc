#include <catch2/catch.hpp>
#include <map>

#include "tests/rules/includes.h"

namespace paracord {
namespace {

// Whose files a folder's files may include beside their own. The longest name that a path starts
// with counts.
const std::map<std::string, std::vector<std::string>>& MayInclude() {
  static const std::vector<std::string> daemon = {"proto/", "common/"};
  static const auto& rules = *new std::map<std::string, std::vector<std::string>>{
      {"proto/", {}},
      {"common/base/", {}},
      {"common/job/", {"common/base/"}},
      {"common/rpc/", {"proto/", "common/base/", "common/job/"}},
      {"server/", daemon},
      {"worker/tensor/", {"common/base/", "common/job/"}},
      {"worker/model/", {"common/base/", "common/job/", "worker/tensor/"}},
      {"worker/data/", {"common/base/", "common/job/"}},
      {"worker/", {"proto/", "common/", "worker/tensor/", "worker/model/", "worker/data/"}},
      {"scheduler/", daemon},
      {"scheduler/cli/", daemon},
      {"tests/", {"proto/", "common/", "server/", "worker/", "scheduler/"}}};
  return rules;
}

// "worker/" for "worker/trainer.h"; empty: nobody's.
std::string FolderOf(const std::string& path) {
  std::string longest;
  for (const auto& [folder, allowed] : MayInclude()) {
    if (StartsWith(path, folder) && folder.size() > longest.size()) longest = folder;
  }
  return longest;
}

bool Allowed(const std::string& from, const std::string& to) {
  const std::string folder = FolderOf(from), target = FolderOf(to);
  if (folder == target) return true;
  const std::vector<std::string>& allowed = MayInclude().at(folder);
  return std::any_of(allowed.begin(), allowed.end(), [&](const std::string& room) {
    // "common/" stands for its three rooms; "scheduler/" not for the command's.
    return room == target || (room == "common/" && StartsWith(target, room)) || folder == "tests/";
  });
}

std::vector<std::string> WrongDirections(const SourceTree& tree) {
  std::vector<std::string> wrong;
  for (const Include& include : AllIncludes(tree)) {
    if (FolderOf(include.path).empty()) continue;
    if (!Allowed(include.file, include.path)) wrong.push_back(include.Where());
  }
  return wrong;
}

// Quoted names that look like ours and lead nowhere: relative ones, misspelt ones.
std::vector<std::string> LostIncludes(const SourceTree& tree) {
  std::vector<std::string> lost;
  for (const Include& include : AllIncludes(tree)) {
    if (!include.quoted) continue;
    std::string path = include.path;
    for (const char* generated : {".grpc.pb.h", ".pb.h"}) {
      if (!StartsWith(path, "proto/") || !EndsWith(path, generated)) continue;
      path = path.substr(0, path.size() - std::string(generated).size()) + ".proto";
    }
    const bool ours =
        !FolderOf(path).empty() || path.find('/') == std::string::npos || StartsWith(path, ".");
    if (ours && FindFile(tree, path) == nullptr) lost.push_back(include.Where());
  }
  return lost;
}

TEST_CASE("includes point one way: proto, common, the daemons, tests") {
  REQUIRE(AllIncludes(ThisTree()).size() > 500);
  CHECK(Listed(WrongDirections(ThisTree())) == "");
}

TEST_CASE("every include of ours is spelt from the repository's root and leads to a file") {
  CHECK(Listed(LostIncludes(ThisTree())) == "");
}

TEST_CASE("messages import only messages") {
  std::vector<std::string> wrong;
  for (const SourceFile& file : ThisTree()) {
    if (!EndsWith(file.path, ".proto")) continue;
    for (const std::string& line : Lines(file.text)) {
      if (!StartsWith(line, "import ")) continue;
      const size_t begin = line.find('"') + 1;
      const std::string path = line.substr(begin, line.rfind('"') - begin);
      if (!StartsWith(path, "proto/") || FindFile(ThisTree(), path) == nullptr) {
        wrong.push_back(file.path + ": " + line);
      }
    }
  }
  CHECK(Listed(wrong) == "");
}

TEST_CASE(
    "the check of directions sees a daemon that looks into another, and whatever points "
    "backwards") {
  const auto refused = [](const std::string& from, const std::string& to) {
    return !WrongDirections({{from, "#include \"" + to + "\"\n"}}).empty();
  };
  CHECK(refused("server/server.cc", "worker/worker.h"));
  CHECK(refused("worker/trainer.cc", "scheduler/plan.h"));
  CHECK(refused("scheduler/cluster.cc", "server/server.h"));
  CHECK(refused("scheduler/cluster.cc", "scheduler/cli/context.h"));
  CHECK(refused("scheduler/cli/get.cc", "scheduler/cluster.h"));
  CHECK(refused("common/base/log.cc", "common/job/sampler.h"));
  CHECK(refused("common/base/log.cc", "proto/job.pb.h"));
  CHECK(refused("common/job/sampler.cc", "common/rpc/wire.h"));
  CHECK(refused("common/rpc/wire.cc", "server/server.h"));
  CHECK(refused("worker/tensor/ops.h", "worker/model/model.h"));
  CHECK(refused("worker/tensor/ops.h", "common/rpc/wire.h"));
  CHECK(refused("worker/data/csv.cc", "worker/model/model.h"));
  CHECK(refused("worker/model/model.cc", "worker/trainer.h"));
  CHECK(refused("server/server.cc", "tests/support/manual_timer.h"));
  CHECK_FALSE(refused("worker/trainer.cc", "worker/model/model.h"));
  CHECK_FALSE(refused("server/server.cc", "common/job/job_spec.h"));
  CHECK_FALSE(refused("tests/cluster/x_test.cc", "scheduler/cli/context.h"));
  CHECK_FALSE(LostIncludes({{"server/server.cc", "#include \"block_db.h\"\n"}}).empty());
  CHECK_FALSE(
      LostIncludes({{"server/server.cc", "  #  include \"../common/base/log.h\"\n"}}).empty());
}

}  // namespace
}  // namespace paracord
