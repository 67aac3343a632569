#include "server/copy_manifest.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/base/daemon.h"
#include "common/base/fast_hash.h"
#include "common/base/status.h"
#include "common/job/history.h"
#include "nlohmann/json.hpp"
#include "server/folder.h"

namespace paracord {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kFormat = "paracord checkpoint 1";
constexpr size_t kHashDigits = 32;
constexpr uint64_t kMostShards = 4096;
constexpr int kMostStates = 2;

std::string ManifestName(size_t shard, size_t shards) {
  return absl::StrFormat("manifest-%05d-of-%05d.json", shard + 1, shards);
}

Json LedgersOf(const CopyManifest& manifest) {
  Json ledgers = Json::array();
  for (const auto& [block, ledger] : manifest.ledgers) {
    ledgers.push_back({{"block", block}, {"version", ledger.first}, {"ahead", ledger.second}});
  }
  return ledgers;
}

Json SettingsOf(const CopyManifest& manifest) {
  Json settings = Json::array();
  for (const StateSetting& setting : manifest.settings) {
    settings.push_back(
        {{"name", setting.name}, {"value", setting.value}, {"floats", setting.floats}});
  }
  return settings;
}

absl::StatusOr<Json> ReadJson(const std::string& path) {
  const auto text = ReadFile(path);
  if (!text.ok()) return absl::DataLossError(text.status().message());
  const bool framed = text->size() > kHashDigits && (*text)[kHashDigits] == '\n';
  const std::string body = framed ? text->substr(kHashDigits + 1) : "";
  if (!framed || FastHashOf(body) != text->substr(0, kHashDigits)) {
    return absl::DataLossError(absl::StrCat(path, ": its bytes have changed"));
  }
  Json json = Json::parse(body, nullptr, false);
  if (!json.is_object() || json.value("format", Json()) != kFormat) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": no manifest of ", kFormat));
  }
  return json;
}

// The text is as it was written, or the hash would not be; whoever wrote it may have meant
// anything.
absl::StatusOr<CopyManifest> ParseManifest(const std::string& path) {
  ASSIGN_OR_RETURN(const Json json, ReadJson(path));
  CopyManifest manifest;
  try {
    manifest.blocks = {json.at("block_begin"), json.at("block_end")};
    manifest.states = json.at("states");
    if (manifest.states < 0 || manifest.states > kMostStates) {
      return absl::DataLossError(absl::StrCat(path, ": found ", manifest.states,
                                              " states a weight, at most ", kMostStates));
    }
    const std::string record = json.at("record");
    if (!manifest.record.ParseFromString(absl::HexStringToBytes(record))) {
      return absl::DataLossError(absl::StrCat(path, ": its record does not parse"));
    }
    manifest.hashes = json.at("hashes");
    for (const Json& setting : json.value("settings", Json::array())) {
      manifest.settings.push_back({setting.at("name"), setting.at("value"), setting.at("floats")});
    }
    for (const Json& ledger : json.at("ledgers")) {
      manifest.ledgers[ledger.at("block")] = {ledger.at("version"), ledger.at("ahead")};
    }
  } catch (const Json::exception& error) {
    return absl::DataLossError(absl::StrCat(path, ": ", error.what()));
  }
  return manifest;
}

// Of "manifest-00002-of-00003.json": 3. Clusters of several sizes may have written here.
std::set<uint64_t> ShardCounts(const std::string& folder) {
  std::error_code error;
  std::set<uint64_t> counts;
  for (const fs::path& path : ListFolder(folder, &error)) {
    const std::string name = path.filename();
    const size_t of = name.find("-of-");
    uint64_t shards = 0;
    if (name.rfind("manifest-", 0) == 0 && of != std::string::npos &&
        absl::SimpleAtoi(name.substr(of + 4, 5), &shards) && shards > 0 && shards <= kMostShards) {
      counts.insert(shards);
    }
  }
  return counts;
}

std::string CopiesBeside(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::path& where : {fs::path(folder), fs::path(folder).parent_path()}) {
    for (const fs::path& path : ListFolder(where, &error)) {
      if (!ShardCounts(path).empty()) names.push_back(path);
    }
  }
  std::sort(names.begin(), names.end());
  return names.empty() ? "" : absl::StrCat("; there are ", absl::StrJoin(names, ", "));
}

}  // namespace

std::string SpanKey(const std::string& file, uint64_t begin, uint64_t end) {
  return absl::StrCat(file, " ", begin, " ", end);
}

absl::Status WriteManifest(const std::string& folder, size_t shard, size_t shards,
                           const CopyManifest& manifest) {
  const Json json = {{"format", kFormat},
                     {"job", manifest.record.job()},
                     {"step", manifest.record.step()},
                     {"block_begin", manifest.blocks.begin},
                     {"block_end", manifest.blocks.end},
                     {"states", manifest.states},
                     {"settings", SettingsOf(manifest)},
                     {"record", absl::BytesToHexString(manifest.record.SerializeAsString())},
                     {"ledgers", LedgersOf(manifest)},
                     {"hashes", manifest.hashes}};
  const std::string body = json.dump(1) + "\n";
  const std::string path = absl::StrCat(folder, "/", ManifestName(shard, shards));
  RETURN_IF_ERROR(WriteFileAtomically(path, absl::StrCat(FastHashOf(body), "\n", body)));
  RETURN_IF_ERROR(SyncPath(path));
  return SyncPath(folder);
}

namespace {

// All of them, of one copy.
absl::StatusOr<std::vector<CopyManifest>> ReadSet(const std::string& folder, uint64_t shards) {
  std::vector<CopyManifest> manifests;
  for (uint64_t shard = 0; shard < shards; ++shard) {
    const std::string path = absl::StrCat(folder, "/", ManifestName(shard, shards));
    ASSIGN_OR_RETURN(manifests.emplace_back(), ParseManifest(path));
    const CopyManifest& last = manifests.back();
    const uint64_t begin = shard == 0 ? 0 : manifests[shard - 1].blocks.end;
    const bool same = SameHistory(last.record, manifests[0].record) &&
                      last.record.step() == manifests[0].record.step() &&
                      last.states == manifests[0].states;
    if (!same || last.blocks.begin != begin || last.blocks.end < begin) {
      return absl::DataLossError(absl::StrCat(path, ": belongs to another copy"));
    }
  }
  return manifests;
}

}  // namespace

absl::StatusOr<std::vector<CopyManifest>> ReadManifests(const std::string& folder) {
  absl::StatusOr<std::vector<CopyManifest>> manifests = absl::NotFoundError("");
  for (const uint64_t shards : ShardCounts(folder)) {
    manifests = ReadSet(folder, shards);
    if (manifests.ok()) return manifests;
  }
  if (!absl::IsNotFound(manifests.status())) return manifests;
  return absl::NotFoundError(
      absl::StrCat(folder, ": no copy of a checkpoint", CopiesBeside(folder)));
}

}  // namespace paracord
