// What a shard needs of its server, for tests: a database in a folder of its own, a budget, a clock
// turned by hand. And a job of a few small blocks, built without a job file.
#pragma once

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/job/history.h"
#include "server/parameter_shard.h"
#include "tests/support/manual_timer.h"
#include "tests/support/temporary_directory.h"

namespace paracord {

// Tensors of the given sizes, the last of them averaged state, then the metrics: one block each,
// unless a size is above kBlockFloats.
inline std::shared_ptr<const ShardJob> MakeJob(const std::string& id, std::vector<int64_t> sizes,
                                               OptimizerSpec::Kind kind, uint32_t virtual_workers,
                                               bool skips_nonfinite = false) {
  JobSpec spec;
  spec.skips_nonfinite = skips_nonfinite;
  spec.seed = 7;
  spec.virtual_workers = virtual_workers;
  spec.optimizer.kind = kind;
  spec.optimizer.lr = 0.05;
  for (size_t i = 0; i < sizes.size(); ++i) {
    TensorSpec tensor;
    tensor.name = "t" + std::to_string(i);
    tensor.shape = {sizes[i]};
    tensor.kind = i + 1 == sizes.size() ? TensorKind::kAveraged : TensorKind::kTrained;
    tensor.initializer = {InitializerSpec::Kind::kUniform, 0.5f};
    spec.model.tensors.push_back(tensor);
  }
  return std::make_shared<const ShardJob>(id, spec);
}

inline pb::ShardRange MakeRange(uint32_t index, BlockRange blocks) {
  pb::ShardRange range;
  range.set_index(index);
  range.set_block_begin(blocks.begin);
  range.set_block_end(blocks.end);
  return range;
}

inline pb::Plan MakePlan(uint64_t number, pb::Plan::Phase phase = pb::Plan::TRAINING,
                         uint64_t step = 0) {
  pb::Plan plan;
  plan.set_cluster("cluster");
  plan.set_job("job");
  plan.set_number(number);
  plan.set_history(1);
  plan.set_phase(phase);
  plan.set_step(step);
  return plan;
}

// What MakePlan's shards store.
inline pb::GenerationRecord MakeRecord(uint64_t step, BlockRange blocks) {
  pb::GenerationRecord record;
  SetHistory(MakePlan(1), &record);
  record.set_step(step);
  record.set_block_begin(blocks.begin);
  record.set_block_end(blocks.end);
  return record;
}

inline Payload OwnedPayload(const std::vector<float>& values) {
  auto owner = std::make_shared<const std::vector<float>>(values);
  return Payload(owner->data(), owner->size(), owner);
}

inline std::vector<float> ToFloats(const Payload& payload) {
  std::vector<float> out(payload.size() / sizeof(float));
  payload.CopyTo(out.data());
  return out;
}

// Memory, if there is a file system in it: a simulation syncs its database thousands of times.
inline std::filesystem::path FastFolder() {
  const std::filesystem::path memory = "/dev/shm";
  return std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
}

// Returns when everything that was posted has run, and what follows from it there: the first values
// are stored when they are there.
inline void Settle(StorageThread& storage) {
  for (int i = 0; i < 2; ++i) {
    std::promise<void> settled;
    storage.Post([&settled] { settled.set_value(); });
    settled.get_future().wait();
  }
}

class ShardRoom {
 public:
  explicit ShardRoom(uint64_t budget_bytes = 1 << 28)
      : db_(BlockDb::Open(directory_.path() + "/blocks").value()), budget_(budget_bytes) {}

  ~ShardRoom() { Settle(); }

  BlockDb& db() { return *db_; }
  ManualTimer& timer() { return timer_; }
  MemoryBudget& budget() { return budget_; }

  std::shared_ptr<ParameterShard> MakeShard(std::shared_ptr<const ShardJob> job, uint32_t index,
                                            BlockRange blocks) {
    return ParameterShard::Create(std::move(job), MakeRange(index, blocks), environment());
  }
  ShardEnvironment environment() {
    return {*db_, storage_, lanes_, budget_, timer_, crew_, [] {}};
  }
  std::string folder() const { return directory_.path() + "/blocks"; }

  // What is loaded from elsewhere is stored then, and what is stored is copied.
  void Settle() {
    for (int i = 0; i < 2; ++i) {
      paracord::Settle(storage_);
      PARACORD_CHECK(lanes_.Settle(seconds(60)));
    }
  }

  // Nothing more touches the disk until `go`.
  void Hold(std::future<void> go) {
    storage_.Post([held = std::make_shared<std::future<void>>(std::move(go))] { held->wait(); });
  }

  StorageThread& storage() { return storage_; }
  Lanes& lanes() { return lanes_; }

  // In the order in which they were written.
  std::vector<pb::GenerationRecord> stored() {
    std::vector<pb::GenerationRecord> records;
    for (const StoredGeneration& stored : db_->List()) records.push_back(stored.record);
    return records;
  }

 private:
  TemporaryDirectory directory_{FastFolder()};
  std::unique_ptr<BlockDb> db_;
  MemoryBudget budget_;
  ManualTimer timer_;
  Crew crew_{1};  // none but the caller: answers come at once, and a seed repeats
  Lanes lanes_;
  StorageThread storage_;  // last: they run what uses the rest
};

}  // namespace paracord
