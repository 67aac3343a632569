// What a job's weights depend on beside the products of its layers, as numbers that stand here: a
// change of any of them changes the weights of every job that is resumed. Each is the same on every
// host, as nothing here uses libm, and no sum's order is left to the compiler.
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "common/base/philox.h"
#include "common/base/sha256.h"
#include "common/job/initializer.h"
#include "common/job/optimizer.h"
#include "common/job/sampler.h"
#include "common/job/tree_sum.h"

namespace paracord {
namespace {

using Kind = OptimizerSpec::Kind;
using Floats = std::vector<float>;

// The first 16 digits are enough to tell that something has changed.
template <class Number>
std::string Digest(const std::vector<Number>& values) {
  Sha256 hash;
  hash.Add(values.data(), values.size() * sizeof(Number));
  return hash.Hex().substr(0, 16);
}

Floats Drawn(uint64_t key, size_t count) {
  Floats out(count);
  for (size_t i = 0; i < count; ++i) out[i] = 2 * ToUnitFloat(Philox(key, 0, i)[0]) - 1;
  return out;
}

TEST_CASE("a seed's streams are those that they have always been") {
  CHECK(MixKey(17, 0) == 0xf0183e92443340f4ull);
  CHECK(MixKey(0, 17) == 0x6c8e2575f830ae15ull);
}

TEST_CASE("the samples of a step are those that they have always been") {
  const Sampler small(17, 10, 4, 2);
  CHECK(small.Slice(0, 0) == std::vector<uint64_t>{3, 8});
  CHECK(small.Slice(2, 1) == std::vector<uint64_t>{0});
  CHECK(small.Slice(3, 0) == std::vector<uint64_t>{5, 3});
  CHECK(Digest(Sampler(17, 60000, 60000, 1).Slice(4, 0)) == "469f12439b72c234");
}

TEST_CASE("first values are those that they have always been") {
  TensorSpec tensor;
  tensor.name = "0.weight";
  tensor.shape = {512, 784};
  tensor.initializer = {InitializerSpec::Kind::kUniform, 0.0625f};
  Floats values(static_cast<size_t>(tensor.size()));
  FirstValues(17, tensor, 0, values.size(), values.data());
  CHECK(Digest(values) == "94c5728285748982");
}

TEST_CASE("learning rates are those that they have always been") {
  using Schedule = OptimizerSpec::Schedule;
  const std::vector<std::pair<Schedule, std::string>> pinned = {
      {Schedule::kConstant, "f2908e4d9a8fd80b"},
      {Schedule::kStep, "cbc024f6132dfc37"},
      {Schedule::kCosine, "ff8acfd94225525e"},
      {Schedule::kLinear, "3254de9c6c7a2d32"}};
  for (const auto& [schedule, digest] : pinned) {
    OptimizerSpec spec;
    spec.schedule = schedule;
    spec.lr = 0.2;
    spec.final_lr = 1e-4;
    spec.step_every = 30;
    spec.warmup_steps = 7;
    std::vector<double> rates;
    for (uint64_t step = 0; step < 100; ++step) rates.push_back(LearningRate(spec, step, 100));
    CAPTURE(static_cast<int>(schedule));
    CHECK(Digest(rates) == digest);
  }
}

TEST_CASE("ten updates by each rule give the bits that they have always given") {
  const std::vector<std::tuple<Kind, bool, std::string>> pinned = {
      {Kind::kSgd, false, "d9582cad231010d9"},     {Kind::kMomentum, false, "ada41c6f5575b442"},
      {Kind::kMomentum, true, "e7e0327bb2c03ee6"}, {Kind::kAdagrad, false, "b269f3143f3b6455"},
      {Kind::kRmsprop, false, "f2cb9da2c8c05a54"}, {Kind::kAdam, false, "86969f6a3621c8d8"},
      {Kind::kAdamw, false, "5e609eae89336890"}};
  constexpr size_t kCount = 1003;  // not a multiple of any vector's width
  for (const auto& [kind, nesterov, digest] : pinned) {
    OptimizerSpec spec;
    spec.kind = kind;
    spec.nesterov = nesterov;
    spec.lr = 0.05;
    spec.weight_decay = 0.01;
    Floats weights = Drawn(1, kCount), first(kCount), second(kCount);
    for (uint64_t step = 0; step < 10; ++step) {
      const Floats left = Drawn(2 + 2 * step, kCount), right = Drawn(3 + 2 * step, kCount);
      ApplyUpdate(PrepareUpdate(spec, step, 10),
                  {left.data(), right.data(), weights.data(), weights.data(), first.data(),
                   first.data(), second.data(), second.data()},
                  kCount);
    }
    CAPTURE(static_cast<int>(kind), nesterov);
    weights.insert(weights.end(), first.begin(), first.end());
    weights.insert(weights.end(), second.begin(), second.end());
    CHECK(Digest(weights) == digest);
  }
}

TEST_CASE("seven gradients add up, in any order of arrival, to the bits that they always have") {
  const ReductionTree tree(7);
  for (const std::vector<uint32_t>& order :
       {std::vector<uint32_t>{0, 1, 2, 3, 4, 5, 6}, {6, 2, 4, 0, 5, 3, 1}}) {
    BufferPool pool;
    TreeSum sum;
    for (const uint32_t leaf : order) {
      const auto floats = std::make_shared<const Floats>(Drawn(leaf, 1003));
      sum.Add(tree, {leaf, leaf + 1}, Payload(floats->data(), floats->size(), floats), pool);
    }
    const std::vector<TreeSum::Partial> root = sum.TakeAll(tree, pool);
    REQUIRE(root.size() == 1);
    Floats total(1003);
    root[0].floats.CopyTo(total.data());
    CHECK(Digest(total) == "095f8c4d04092662");
  }
}

}  // namespace
}  // namespace paracord
