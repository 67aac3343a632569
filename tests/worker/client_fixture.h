// A parameter client whose servers are played by the test: they keep what they are asked and answer
// when, and what, the test says. For the tests of parameter_client.
#pragma once

#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/manual_timer.h"
#include "worker/parameter_client.h"

namespace paracord {

// A push or a pull that has reached a server.
struct ShardCall {
  std::optional<pb::PushHeader> push;
  pb::PullHeader pull;
  Payload floats;
  Callback<Payload> done;

  BlockRange blocks() const {
    if (push) return {push->block_begin(), push->block_end()};
    return {pull.block_begin(), pull.block_end()};
  }
};

// One server, whether the client still knows it or not.
struct Script {
  Mutex mutex;
  std::vector<ShardCall> calls ABSL_GUARDED_BY(mutex);  // since the last Take
  std::vector<std::pair<pb::LeaseRequest, Callback<pb::LeaseReply>>> leases ABSL_GUARDED_BY(mutex);
  std::function<absl::StatusOr<uint64_t>(const pb::QueryRequest&)> on_query;  // a version
  std::weak_ptr<Shard> shard;
};

class ScriptedShard : public Shard {
 public:
  explicit ScriptedShard(std::shared_ptr<Script> script) : script_(std::move(script)) {}

  void Push(const pb::PushHeader& header, Payload floats, Callback<Payload> done) override {
    MutexLock lock(script_->mutex);
    script_->calls.push_back({header, {}, std::move(floats), std::move(done)});
  }
  void Pull(const pb::PullHeader& header, Callback<Payload> done) override {
    MutexLock lock(script_->mutex);
    script_->calls.push_back({{}, header, Payload(), std::move(done)});
  }
  void Query(const pb::QueryRequest& request, Callback<pb::QueryReply> done) override {
    const absl::StatusOr<uint64_t> version = script_->on_query(request);
    if (!version.ok()) return done(version.status());
    pb::QueryReply reply;
    reply.set_version(*version);
    done(reply);
  }
  void Lease(const pb::LeaseRequest& request, Callback<pb::LeaseReply> done) override {
    MutexLock lock(script_->mutex);
    script_->leases.emplace_back(request, std::move(done));
  }

 private:
  const std::shared_ptr<Script> script_;
};

inline std::vector<float> FloatsOf(const Payload& payload) {
  std::vector<float> out(payload.size() / sizeof(float));
  payload.CopyTo(out.data());
  return out;
}

inline Payload OwnedFloats(std::vector<float> values) {
  const auto owner = std::make_shared<const std::vector<float>>(std::move(values));
  return Payload(owner->data(), owner->size(), owner);
}

class ClientFixture {
 public:
  ManualTimer timer;
  const BlockGrid grid;
  std::vector<std::pair<std::string, uint64_t>> connected;  // address and incarnation
  std::map<std::string, std::shared_ptr<Script>> servers;   // by address, the last connected
  ParameterClient client;

  // Tensors of the given sizes. `other`: runs the pauses, instead of the manual timer.
  explicit ClientFixture(const std::vector<int64_t>& sizes = {6, 4, 3}, Timer* other = nullptr)
      : grid(Tensors(sizes)),
        client(grid, other == nullptr ? timer : *other,
               [this](const pb::ShardRange& range) { return Connect(range); }) {}

  // Adopts a plan of one shard for each range of blocks [0, ends[0]), [ends[0], ends[1]), ...
  void Adopt(uint64_t number, const std::vector<uint64_t>& ends, uint32_t rank = 0) {
    pb::Plan plan;
    plan.set_job("job");
    plan.set_number(number);
    for (size_t i = 0; i < ends.size(); ++i) {
      pb::ShardRange& range = *plan.add_shards();
      range.set_index(static_cast<uint32_t>(i));
      range.set_server("server-" + std::to_string(i));
      range.set_incarnation(100 + i);
      range.set_address("host-" + std::to_string(i) + ":1");
      range.set_block_begin(i == 0 ? 0 : ends[i - 1]);
      range.set_block_end(ends[i]);
    }
    client.Adopt(plan, rank);
  }
  Script& server(uint32_t index) { return *servers.at("host-" + std::to_string(index) + ":1"); }

  // What has reached a server since this was last asked.
  std::vector<ShardCall> Take(uint32_t index) {
    Script& script = server(index);
    MutexLock lock(script.mutex);
    return std::exchange(script.calls, {});
  }
  ShardCall TakeOne(uint32_t index = 0) {
    std::vector<ShardCall> calls = Take(index);
    REQUIRE(calls.size() == 1);
    return std::move(calls[0]);
  }

  // The weights of `blocks` at `version`: each float of each version is another one.
  std::vector<float> Weights(uint64_t version, BlockRange blocks) const {
    std::vector<float> out;
    for (uint64_t b = blocks.begin; b < blocks.end; ++b) {
      for (uint32_t i = 0; i < grid.block(b).floats; ++i) {
        out.push_back(static_cast<float>(version * 2'000'000 + b * kBlockFloats + i));
      }
    }
    return out;
  }
  void Answer(const ShardCall& call, uint64_t version) const {
    call.done(OwnedFloats(Weights(version, call.blocks())));
  }
  // Fetches `version` and answers all of it.
  void Land(uint64_t version) {
    client.Fetch(version);
    for (uint32_t i = 0; i < servers.size(); ++i) {
      for (const ShardCall& call : Take(i)) Answer(call, version);
    }
  }
  bool Holds(uint64_t version, uint32_t tensor) const {
    const std::vector<float> expected = Weights(version, grid.BlocksOf(tensor));
    return std::equal(expected.begin(), expected.end(), client.tensor(tensor));
  }
  bool HoldsAll(uint64_t version) const {
    for (uint32_t tensor = 0; tensor < grid.tensors().size(); ++tensor) {
      if (!Holds(version, tensor)) return false;
    }
    return true;
  }

  // The sum of `node` for `blocks`: made-up floats.
  TreeSum::Partial Sum(TreeNode node, BlockRange blocks) const {
    return {node, OwnedFloats(Weights(node.begin, blocks))};
  }

  // Waits on a thread of its own; returns when the client says that somebody waits.
  std::future<absl::Status> StartWaiting(std::function<absl::Status()> wait) {
    std::future<absl::Status> waiting = std::async(std::launch::async, std::move(wait));
    REQUIRE(Eventually([this] { return client.CurrentWait().has_value(); }));
    return waiting;
  }
  static bool Eventually(const std::function<bool()>& condition) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (std::chrono::steady_clock::now() < until) {
      if (condition()) return true;
      std::this_thread::yield();
    }
    return false;
  }

 private:
  static std::vector<TensorSpec> Tensors(const std::vector<int64_t>& sizes) {
    std::vector<TensorSpec> tensors;
    for (const int64_t size : sizes) tensors.emplace_back().shape = {size};
    return tensors;
  }
  std::shared_ptr<Shard> Connect(const pb::ShardRange& range) {
    connected.emplace_back(range.address(), range.incarnation());
    auto script = std::make_shared<Script>();
    auto shard = std::make_shared<ScriptedShard>(script);
    script->shard = shard;
    servers[range.address()] = script;
    return shard;
  }
};

// Plan 1 of one shard, and of one task that computes the only virtual worker.
inline pb::Assignment OneTaskAlone(uint64_t blocks, uint64_t incarnation) {
  pb::Assignment assignment;
  assignment.mutable_plan()->set_number(1);
  assignment.mutable_plan()->add_shards()->set_block_end(blocks);
  assignment.mutable_plan()->add_tasks()->set_incarnation(incarnation);
  assignment.mutable_plan()->mutable_tasks(0)->set_end(1);
  return assignment;
}

}  // namespace paracord
