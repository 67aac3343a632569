#include "server/copy_layout.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"

namespace paracord {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kAlign = 8;

std::string FileName(const char* what, size_t shard, size_t shards) {
  return absl::StrFormat("%s-%05d-of-%05d.safetensors", what, shard + 1, shards);
}

std::string NameOf(const TensorSpec& tensor, int part) {
  return part == 0 ? tensor.name : absl::StrCat(tensor.name, ".state", part);
}

std::string Framed(const Json& header) {
  std::string json = header.dump();
  json.resize((json.size() + kAlign - 1) / kAlign * kAlign, ' ');
  std::string out(sizeof(uint64_t), '\0');
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<char>(json.size() >> (8 * i));
  return out + json;
}

}  // namespace

std::string WeightsFileName(size_t shard, size_t shards) {
  return FileName("model", shard, shards);
}

CopyLayout::CopyLayout(const BlockGrid& grid, int states, std::vector<BlockRange> shards)
    : grid_(grid), states_(states), shards_(std::move(shards)) {
  for (size_t s = 0; s < shards_.size(); ++s) {
    std::vector<std::pair<uint32_t, int>> weights, others;
    for (uint32_t t = 0; t < grid.tensors().size(); ++t) {
      if (!shards_[s].Contains(grid.BlocksOf(t).begin)) continue;
      const bool metrics = grid.tensors()[t].kind == TensorKind::kSum;
      (metrics ? others : weights).emplace_back(t, 0);
      const bool trained = grid.tensors()[t].kind == TensorKind::kTrained;
      for (int state = 1; trained && state <= states; ++state) others.emplace_back(t, state);
    }
    AddFile(WeightsFileName(s, shards_.size()), weights);
    AddFile(FileName("optimizer", s, shards_.size()), others);
  }
  index_ = IndexJson();
}

void CopyLayout::AddFile(const std::string& name,
                         const std::vector<std::pair<uint32_t, int>>& tensors) {
  Json header = Json::object();
  header["__metadata__"] = {{"format", "pt"}};
  uint64_t at = 0;
  for (const auto& [tensor, part] : tensors) {
    const TensorSpec& spec = grid_.tensors()[tensor];
    const uint64_t bytes = grid_.Floats(grid_.BlocksOf(tensor)) * sizeof(float);
    header[NameOf(spec, part)] = {
        {"dtype", "F32"}, {"shape", spec.shape}, {"data_offsets", {at, at + bytes}}};
    tensors_[{tensor, part}] = {static_cast<uint32_t>(files_.size()), at};
    at += bytes;
  }
  CopyFile file{name, Framed(header), 0};
  for (const auto& key : tensors) tensors_[key].offset += file.header.size();
  file.bytes = file.header.size() + at;
  files_.push_back(std::move(file));
}

std::string CopyLayout::IndexJson() const {
  Json map = Json::object();
  uint64_t bytes = 0;
  for (uint32_t t = 0; t < grid_.tensors().size(); ++t) {
    if (grid_.tensors()[t].kind == TensorKind::kSum) continue;
    map[grid_.tensors()[t].name] = files_[tensors_.at({t, 0}).file].name;
    bytes += grid_.Floats(grid_.BlocksOf(t)) * sizeof(float);
  }
  return Json{{"metadata", {{"total_size", bytes}}}, {"weight_map", map}}.dump(2) + "\n";
}

bool CopyLayout::Has(uint64_t block, int part) const {
  return tensors_.count({grid_.block(block).tensor, part}) > 0;
}

CopyLayout::Place CopyLayout::PlaceOf(uint64_t block, int part) const {
  const BlockInfo& info = grid_.block(block);
  Place place = tensors_.at({info.tensor, part});
  place.offset += info.offset * sizeof(float);
  return place;
}

}  // namespace paracord
