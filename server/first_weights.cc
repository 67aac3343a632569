#include "server/first_weights.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/safetensors_file.h"
#include "common/base/status.h"
#include "common/job/match_weights.h"

namespace paracord {
namespace {

absl::StatusOr<BlockSnapshot> ReadBlock(const SafetensorsFile& file, const StoredTensor& tensor,
                                        uint64_t number, const BlockInfo& info) {
  std::shared_ptr<float> floats(new float[info.floats], std::default_delete<float[]>());
  RETURN_IF_ERROR(file.Read(tensor, info.offset, info.floats, floats.get()));
  for (uint32_t i = 0; i < info.floats; ++i) {
    if (std::isfinite(floats.get()[i])) continue;
    return absl::InvalidArgumentError(absl::StrCat(file.path(), ": tensor ", Shown(tensor.name),
                                                   ": value ", info.offset + i, ": found ",
                                                   floats.get()[i], "; expected a finite number"));
  }
  BlockSnapshot block;
  block.block = number;
  block.floats = info.floats;
  block.weights = std::move(floats);
  return block;
}

}  // namespace

absl::StatusOr<Restored> ReadFirstWeights(const ShardJob& job, BlockRange range) {
  ASSIGN_OR_RETURN(const auto file, SafetensorsFile::Open(job.spec.init.safetensors));
  ASSIGN_OR_RETURN(const std::vector<size_t> sources,
                   SourcesIn(*file, job.spec.model.tensors, job.spec.init.map));
  Restored restored;
  restored.is_first = true;
  for (uint64_t number = range.begin; number < range.end; ++number) {
    const BlockInfo& info = job.grid.block(number);
    if (job.grid.kind(number) == TensorKind::kSum) continue;
    const StoredTensor& tensor = file->tensors()[sources[info.tensor]];
    ASSIGN_OR_RETURN(restored.blocks.emplace_back(), ReadBlock(*file, tensor, number, info));
  }
  return restored;
}

}  // namespace paracord
