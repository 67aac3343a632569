// Where each block of a checkpoint lies in its self-contained copy: safetensors files that other
// frameworks load, the same for whoever writes a part of them.
//
//   model-00001-of-00003.safetensors       the weights of the tensors that begin in shard 1's
//   blocks optimizer-00001-of-00003.safetensors   their optimizer's state, NAME.state1 and
//   NAME.state2, and
//                                          the metrics
//   model.safetensors.index.json           which file has which tensor of weights
//
// A tensor is whole in one file, wherever its blocks lived; each shard writes its blocks to their
// places. Pure: a function of the grid, the number of states and the shards' ranges.
//
// Source of the format: https://github.com/huggingface/safetensors, "Format".
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/job/key_range.h"

namespace paracord {

struct CopyFile {
  std::string name;
  std::string header;  // length word and JSON, padded
  uint64_t bytes = 0;  // of the whole file
};

// Of the shards' files of weights the one that `shard` (from 0) begins.
std::string WeightsFileName(size_t shard, size_t shards);

class CopyLayout {
 public:
  // `shards`: adjacent ranges that cover the grid. `states`: floats of state a weight.
  CopyLayout(const BlockGrid& grid, int states, std::vector<BlockRange> shards);

  const std::vector<CopyFile>& files() const { return files_; }
  const std::string& index() const { return index_; }  // JSON
  const std::vector<BlockRange>& shards() const { return shards_; }
  int states() const { return states_; }

  struct Place {
    uint32_t file;    // index into files()
    uint64_t offset;  // of the block's first byte
  };
  // `part`: 0 weights (of the metrics too), 1 and 2 state of a trained block.
  Place PlaceOf(uint64_t block, int part) const;
  bool Has(uint64_t block, int part) const;

 private:
  void AddFile(const std::string& name, const std::vector<std::pair<uint32_t, int>>& tensors);
  std::string IndexJson() const;

  const BlockGrid& grid_;
  const int states_;
  const std::vector<BlockRange> shards_;
  std::vector<CopyFile> files_;
  std::map<std::pair<uint32_t, int>, Place> tensors_;  // by tensor and part
  std::string index_;
};

}  // namespace paracord
