#include "server/checkpoint_copy.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <utility>

#include "absl/strings/str_format.h"
#include "common/base/daemon.h"
#include "common/base/fast_hash.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "server/copy_layout.h"
#include "server/copy_manifest.h"
#include "server/folder.h"

namespace paracord {
namespace {

namespace fs = std::filesystem;

absl::Status Trouble(const std::string& path) {
  return absl::UnavailableError(absl::StrCat(path, ": ", std::strerror(errno)));
}

// A file that stays open while it is written or read at places.
class PlacedFile {
 public:
  PlacedFile(std::string path, int flags)
      : path_(std::move(path)), file_(open(path_.c_str(), flags | O_CLOEXEC, 0644)) {}
  ~PlacedFile() {
    if (file_ >= 0) close(file_);
  }
  bool opened() const { return file_ >= 0; }
  absl::Status Write(const void* data, size_t size, uint64_t offset) {
    const char* at = static_cast<const char*>(data);
    while (size > 0) {
      const ssize_t done = pwrite(file_, at, size, static_cast<off_t>(offset));
      if (done < 0 && errno == EINTR) continue;
      if (done <= 0) return Trouble(path_);
      at += done, size -= static_cast<size_t>(done), offset += static_cast<uint64_t>(done);
    }
    return absl::OkStatus();
  }
  absl::Status Read(void* data, size_t size, uint64_t offset) {
    char* at = static_cast<char*>(data);
    while (size > 0) {
      const ssize_t done = pread(file_, at, size, static_cast<off_t>(offset));
      if (done < 0 && errno == EINTR) continue;
      if (done <= 0) return absl::DataLossError(absl::StrCat(path_, ": ends too soon"));
      at += done, size -= static_cast<size_t>(done), offset += static_cast<uint64_t>(done);
    }
    return absl::OkStatus();
  }
  absl::Status Sync() { return fsync(file_) == 0 ? absl::OkStatus() : Trouble(path_); }

 private:
  const std::string path_;
  const int file_;
};

// What a run of blocks of one tensor and part is in its file: [begin, end) with a hash.
struct Span {
  uint32_t file = 0;
  uint64_t begin = 0, end = 0;
  int part = 0;
  BlockRange blocks;
};

// The spans of a shard, in the order of (tensor, part).
std::vector<Span> SpansOf(const CopyLayout& layout, const BlockGrid& grid, BlockRange shard) {
  std::vector<Span> spans;
  for (uint64_t block = shard.begin; block < shard.end;) {
    const uint64_t end = std::min(shard.end, grid.BlocksOf(grid.block(block).tensor).end);
    for (int part = 0; part <= 2; ++part) {
      if (!layout.Has(block, part)) continue;
      const CopyLayout::Place place = layout.PlaceOf(block, part);
      const uint64_t bytes = grid.Floats({block, end}) * sizeof(float);
      spans.push_back({place.file, place.offset, place.offset + bytes, part, {block, end}});
    }
    block = end;
  }
  return spans;
}

// Of the step's own version, as a generation has it.
std::shared_ptr<const float> PartOf(const BlockSnapshot& block, uint64_t step, int part) {
  if (part == 1) return block.state1;
  if (part == 2) return block.state2;
  return WeightsAsOf(block, step);
}

class CopyWriter {
 public:
  CopyWriter(const std::string& folder, const BlockGrid& grid, const CopyLayout& layout)
      : folder_(folder), grid_(grid), layout_(layout), files_(layout.files().size()) {}

  absl::Status Write(BlockRange shard, const Generation& generation, CopyManifest* manifest) {
    for (const Span& span : SpansOf(layout_, grid_, shard)) {
      RETURN_IF_ERROR(WriteSpan(shard, span, generation, manifest));
    }
    for (auto& file : files_) {
      if (file != nullptr) RETURN_IF_ERROR(file->Sync());
    }
    return absl::OkStatus();
  }

 private:
  // Everybody who has something in a file writes its header: the same one.
  absl::StatusOr<PlacedFile*> Open(uint32_t index) {
    if (files_[index] != nullptr) return files_[index].get();
    const CopyFile& file = layout_.files()[index];
    auto opened = std::make_unique<PlacedFile>(folder_ + "/" + file.name, O_WRONLY | O_CREAT);
    if (!opened->opened()) return Trouble(folder_ + "/" + file.name);
    RETURN_IF_ERROR(opened->Write(file.header.data(), file.header.size(), 0));
    files_[index] = std::move(opened);
    return files_[index].get();
  }

  absl::Status WriteSpan(BlockRange shard, const Span& span, const Generation& generation,
                         CopyManifest* manifest) {
    ASSIGN_OR_RETURN(PlacedFile* const file, Open(span.file));
    FastHash hash;
    uint64_t at = span.begin;
    for (uint64_t block = span.blocks.begin; block < span.blocks.end; ++block) {
      const BlockSnapshot& snapshot = generation.blocks[block - shard.begin];
      const size_t bytes = snapshot.floats * sizeof(float);
      std::shared_ptr<const float> floats = PartOf(snapshot, generation.record.step(), span.part);
      const std::vector<float> zeros(floats == nullptr ? snapshot.floats : 0, 0.0f);
      const float* data = floats == nullptr ? zeros.data() : floats.get();
      RETURN_IF_ERROR(file->Write(data, bytes, at));
      hash.Add(data, bytes);
      at += bytes;
    }
    manifest->hashes[SpanKey(layout_.files()[span.file].name, span.begin, span.end)] = hash.Hex();
    return absl::OkStatus();
  }

  const std::string folder_;
  const BlockGrid& grid_;
  const CopyLayout& layout_;
  std::vector<std::unique_ptr<PlacedFile>> files_;
};

// A copy whose manifests and headers are good, and of this model.
struct OpenCopy {
  std::vector<CopyManifest> manifests;
  std::unique_ptr<CopyLayout> layout;
};

absl::Status CheckHeader(const std::string& path, const CopyFile& file) {
  PlacedFile opened(path, O_RDONLY);
  if (!opened.opened()) return absl::DataLossError(absl::StrCat(path, ": it is missing"));
  std::error_code error;
  const uint64_t bytes = fs::file_size(path, error);
  std::string header(file.header.size(), '\0');
  const absl::Status read = opened.Read(header.data(), header.size(), 0);
  if (!read.ok() || header != file.header) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": its header is not that of this job's model, or has changed"));
  }
  if (bytes != file.bytes) {
    return absl::DataLossError(
        absl::StrCat(path, ": found ", bytes, " bytes, expected ", file.bytes));
  }
  return absl::OkStatus();
}

absl::StatusOr<OpenCopy> Open(const std::string& folder, const BlockGrid& grid) {
  OpenCopy copy;
  ASSIGN_OR_RETURN(copy.manifests, ReadManifests(folder));
  if (copy.manifests.back().blocks.end != grid.blocks()) {
    return absl::InvalidArgumentError(absl::StrCat(folder, ": of a model of ",
                                                   copy.manifests.back().blocks.end,
                                                   " blocks, this job's has ", grid.blocks()));
  }
  std::vector<BlockRange> shards;
  for (const CopyManifest& manifest : copy.manifests) shards.push_back(manifest.blocks);
  copy.layout = std::make_unique<CopyLayout>(grid, copy.manifests[0].states, shards);
  for (const CopyFile& file : copy.layout->files()) {
    const bool used = file.bytes > file.header.size();
    if (used) RETURN_IF_ERROR(CheckHeader(folder + "/" + file.name, file));
  }
  return copy;
}

using Visit = std::function<void(const Span&, const std::vector<float>&)>;

// Reads each span of the shard whole and checks it.
absl::Status ReadShard(const std::string& folder, const OpenCopy& copy,
                       const CopyManifest& manifest, const BlockGrid& grid, const Visit& visit) {
  for (const Span& span : SpansOf(*copy.layout, grid, manifest.blocks)) {
    const std::string& name = copy.layout->files()[span.file].name;
    PlacedFile file(folder + "/" + name, O_RDONLY);
    if (!file.opened()) return absl::DataLossError(absl::StrCat(name, ": it is missing"));
    std::vector<float> floats((span.end - span.begin) / sizeof(float));
    RETURN_IF_ERROR(file.Read(floats.data(), span.end - span.begin, span.begin));
    FastHash hash;
    hash.Add(floats.data(), span.end - span.begin);
    const auto expected = manifest.hashes.find(SpanKey(name, span.begin, span.end));
    if (expected == manifest.hashes.end() || expected->second != hash.Hex()) {
      return absl::DataLossError(absl::StrCat(folder, "/", name, ": its bytes have changed, in [",
                                              span.begin, ", ", span.end, ")"));
    }
    visit(span, floats);
  }
  return absl::OkStatus();
}

// Puts what a span has of `range` into its blocks.
void Scatter(const Span& span, const std::vector<float>& floats, BlockRange range,
             const BlockGrid& grid, std::vector<BlockSnapshot>* blocks) {
  const float* at = floats.data();
  for (uint64_t block = span.blocks.begin; block < span.blocks.end; ++block) {
    const uint32_t count = grid.block(block).floats;
    if (range.Contains(block)) {
      std::shared_ptr<float> own(new float[count], std::default_delete<float[]>());
      std::memcpy(own.get(), at, count * sizeof(float));
      BlockSnapshot& snapshot = (*blocks)[block - range.begin];
      (span.part == 0   ? snapshot.weights
       : span.part == 1 ? snapshot.state1
                        : snapshot.state2) = own;
    }
    at += count;
  }
}

constexpr const char* kOwner = "cluster-";

std::string OwnerFile(const pb::GenerationRecord& record) {
  return kOwner + PlainName(record.cluster());
}

// The name of another cluster's mark in the folder; empty: there is none.
std::string ForeignOwner(const std::string& folder, const pb::GenerationRecord& record) {
  std::error_code ignored;
  for (const fs::path& path : ListFolder(folder, &ignored)) {
    const std::string name = path.filename();
    if (name.rfind(kOwner, 0) == 0 && name != OwnerFile(record)) return name;
  }
  return "";
}

// Two clusters may have jobs of one name; neither takes the other's copies.
absl::Status Claim(const std::string& folder, const pb::GenerationRecord& record) {
  const std::string foreign = ForeignOwner(folder, record);
  if (!foreign.empty()) {
    return absl::UnavailableError(
        absl::StrCat(folder, " has a copy of job ", record.job(), " of another cluster, ",
                     foreign.substr(std::strlen(kOwner)),
                     "; move it away, or give checkpoint.copy_to another folder"));
  }
  const std::string path = folder + "/" + OwnerFile(record);
  return PlacedFile(path, O_WRONLY | O_CREAT).opened() ? absl::OkStatus() : Trouble(path);
}

absl::Status WriteShard(const std::string& folder, const BlockGrid& grid, int states,
                        const std::vector<BlockRange>& shards, size_t shard,
                        const Generation& generation, const std::vector<StateSetting>& settings) {
  RETURN_IF_ERROR(Claim(folder, generation.record));
  const CopyLayout layout(grid, states, shards);
  CopyManifest manifest;
  manifest.blocks = shards[shard];
  manifest.states = states;
  manifest.record = generation.record;
  manifest.settings = settings;
  for (const BlockSnapshot& block : generation.blocks) {
    const bool ledger = NeedsLedger(block, generation.record.step());
    if (ledger) manifest.ledgers[block.block] = {block.version, block.ahead};
  }
  RETURN_IF_ERROR(CopyWriter(folder, grid, layout).Write(shards[shard], generation, &manifest));
  if (shard == 0) {
    RETURN_IF_ERROR(WriteFileAtomically(folder + "/model.safetensors.index.json", layout.index()));
  }
  return WriteManifest(folder, shard, shards.size(), manifest);
}

}  // namespace

absl::Status WriteCopy(const std::string& folder, const BlockGrid& grid, int states,
                       const std::vector<BlockRange>& shards, size_t shard,
                       const Generation& generation, const std::vector<StateSetting>& settings) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return absl::UnavailableError(absl::StrCat(folder, ": ", error.message()));
  const absl::Status written =
      WriteShard(folder, grid, states, shards, shard, generation, settings);
  if (written.ok() || fs::exists(folder, error) || error) return written;
  return absl::CancelledError(absl::StrCat(folder, ": it was dropped meanwhile"));
}

// Renamed first: whoever is writing a part creates no more files in what is being removed.
void DropCopy(const pb::GenerationRecord& record) {
  if (record.copy().empty()) return;
  const std::string dropped = record.copy() + ".dropped";
  std::error_code error;
  const bool ours = fs::exists(record.copy() + "/" + OwnerFile(record), error);
  fs::remove_all(dropped, error);
  if (ours && ForeignOwner(record.copy(), record).empty()) {
    fs::rename(record.copy(), dropped, error);
    const bool by_another = error == std::errc::no_such_file_or_directory;
    if (!error || by_another) fs::remove_all(dropped, error);
  }
  if (error) LogWarning("cannot drop ", record.copy(), ": ", error.message());
}

absl::Status CheckCopy(const std::string& folder, const BlockGrid& grid) {
  return Open(folder, grid).status();
}

absl::StatusOr<Restored> ReadCopy(const std::string& folder, BlockRange range,
                                  const BlockGrid& grid) {
  ASSIGN_OR_RETURN(const OpenCopy copy, Open(folder, grid));
  Restored restored;
  for (uint64_t block = range.begin; block < range.end; ++block) {
    BlockSnapshot snapshot;
    snapshot.block = block;
    snapshot.floats = grid.block(block).floats;
    snapshot.version = copy.manifests[0].record.step();
    restored.blocks.push_back(std::move(snapshot));
  }
  for (const CopyManifest& manifest : copy.manifests) {
    if (manifest.blocks.begin >= range.end || range.begin >= manifest.blocks.end) continue;
    RETURN_IF_ERROR(ReadShard(folder, copy, manifest, grid, [&](const Span& span, const auto& f) {
      Scatter(span, f, range, grid, &restored.blocks);
    }));
    for (const auto& [block, ledger] : manifest.ledgers) {
      if (!range.Contains(block)) continue;
      restored.blocks[block - range.begin].version = ledger.first;
      restored.blocks[block - range.begin].ahead = ledger.second;
    }
    restored.parts.push_back(manifest.record);
  }
  return restored;
}

}  // namespace paracord
