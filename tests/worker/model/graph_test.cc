#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "tests/support/plain_pass.h"
#include "tests/worker/model/layers_drawer.h"
#include "tests/worker/model/model_fixture.h"
#include "worker/model/placement.h"

namespace paracord {
namespace {

// Lists of layers on flat samples of any width, joined by concats in one another; `width` is what
// they are given, then what they give.
std::string DrawFlat(std::mt19937& random, int depth, uint32_t* width) {
  const auto below = [&random](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  std::string list;
  for (uint32_t i = 0, count = 1 + below(depth > 1 ? 3 : 2); i < count; ++i) {
    std::string item = i % 2 == 0 ? "tanh" : "flatten";
    const uint32_t kind = below(depth > 0 ? 6 : 3);
    if (kind == 0) {
      *width = 1 + below(5);
      item = absl::StrCat("{linear: ", *width, "}");
    } else if (kind == 1) {
      const uint32_t column = below(*width);
      item = absl::StrCat("{columns: [", column, *width > 1 && column > 0 ? ", 0" : "", "]}");
      *width = column > 0 ? 2 : 1;
    } else if (kind >= 3) {
      uint32_t sum = 0;
      std::string branches;
      for (uint32_t b = 0, most = 2 + below(2); b < most; ++b) {
        uint32_t own = *width;
        absl::StrAppend(&branches, b > 0 ? ", [" : "[", DrawFlat(random, depth - 1, &own), "]");
        sum += own;
      }
      *width = sum;
      item = absl::StrCat("{concat: [", branches, "]}");
    }
    absl::StrAppend(&list, i > 0 ? ", " : "", item);
  }
  return list;
}

}  // namespace

TEST_CASE("a pass over branches that are joined has the bits of one that shares no memory") {
  size_t joins = 0;
  for (uint32_t seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    uint32_t width = 4;
    const std::string layers = DrawFlat(random, 2, &width);
    CAPTURE(seed, layers);
    const ModelSpec spec = ModelOf("[4]", absl::StrCat("[{linear: 4}, ", layers, "]"));
    REQUIRE(spec.output() == Shape{width});
    for (const LayerSpec& layer : spec.layers) joins += layer.kind == LayerKind::kConcat ? 1 : 0;
    Fixture fixture(spec, seed, 3);
    Pass pass(fixture.model(), 3);
    const double loss = fixture.LossAndGradients(pass, fixture.All(), kTraining, 0.25f);
    std::vector<Floats> expected;
    PlainPass plain(spec);
    CHECK(loss == plain.Run(fixture.WeightPointers(), fixture.All(), kTraining, 0.25f, &expected));
    for (size_t t = 0; t < expected.size(); ++t) {
      CAPTURE(spec.tensors[t].name);
      CHECK(std::memcmp(expected[t].data(), fixture.gradients()[t].data(),
                        expected[t].size() * sizeof(float)) == 0);
    }
  }
  CHECK(joins > 200);
}

TEST_CASE("a pass over any graph has the bits of one in which no two things share memory") {
  size_t layers = 0, sums = 0, ties = 0;
  for (uint32_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    const ModelSpec spec = DrawModel(seed);
    for (const LayerSpec& layer : spec.layers) {
      ++layers;
      sums += layer.kind == LayerKind::kAdd ? 1 : 0;
      ties += layer.tied != kNotTied ? 1 : 0;
    }
    Fixture fixture(spec, seed, 3);
    Pass pass(fixture.model(), 3);
    const double loss = fixture.LossAndGradients(pass, fixture.All(), kTraining, 0.25f);
    std::vector<Floats> expected;
    PlainPass plain(spec);
    CHECK(std::memcmp(&loss,
                      std::vector<double>{plain.Run(fixture.WeightPointers(), fixture.All(),
                                                    kTraining, 0.25f, &expected)}
                          .data(),
                      sizeof(loss)) == 0);
    for (size_t t = 0; t < expected.size(); ++t) {
      CAPTURE(spec.tensors[t].name);
      CHECK(std::memcmp(expected[t].data(), fixture.gradients()[t].data(),
                        expected[t].size() * sizeof(float)) == 0);
    }
  }
  CHECK(layers > 3000);
  CHECK(sums > 300);
  CHECK(ties > 80);
}

TEST_CASE(
    "a large layer whose weight a later one reads too has the sum of both gradients in parts") {
  const ModelSpec spec =
      ModelOf("[600]", "[{linear: {units: 600, name: one}}, tanh, {linear: {tied: one}}]");
  Fixture fixture(spec, 4, 3);
  REQUIRE(fixture.model().BackwardParts().size() > 2);
  Pass pass(fixture.model(), 3);
  fixture.LossAndGradients(pass, fixture.All(), kTraining, 1.0f);
  std::vector<Floats> expected;
  PlainPass(spec).Run(fixture.WeightPointers(), fixture.All(), kTraining, 1.0f, &expected);
  CHECK(fixture.gradients() == expected);
}

TEST_CASE("two lifetimes that overlap never share a buffer, and what fits is used again") {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    std::vector<Lifetime> lifetimes;
    std::vector<bool> inherited;
    for (int i = 0; i < 60; ++i) {
      const int begin = static_cast<int>(random() % 40);
      Lifetime one = {begin, begin + static_cast<int>(random() % 10),
                      static_cast<int64_t>(random() % 100), -1, random() % 3 == 0};
      for (size_t k = 0; k < lifetimes.size(); ++k) {
        if (inherited[k] || lifetimes[k].end != begin || lifetimes[k].begin == begin) continue;
        one.inherits = static_cast<int>(k);
        one.floats = lifetimes[k].floats;
        inherited[k] = true;
        break;
      }
      lifetimes.push_back(one);
      inherited.push_back(false);
    }
    const Placement placement = Place(lifetimes);
    for (size_t a = 0; a < lifetimes.size(); ++a) {
      const auto buffer = static_cast<size_t>(placement.buffer[a]);
      CHECK(placement.floats[buffer] >= lifetimes[a].floats);
      for (size_t b = 0; b < lifetimes.size(); ++b) {
        if (a == b || placement.buffer[b] != placement.buffer[a]) continue;
        const bool apart =
            lifetimes[a].end < lifetimes[b].begin || lifetimes[b].end < lifetimes[a].begin;
        const bool heir = lifetimes[a].inherits == static_cast<int>(b) ||
                          lifetimes[b].inherits == static_cast<int>(a);
        CHECK((apart || heir));
      }
    }
  }
  const Placement chain = Place({{0, 1, 10}, {1, 2, 20}, {2, 3, 5}, {3, 4, 30}, {4, 5, 5}});
  CHECK(chain.buffer == std::vector<int>{0, 1, 0, 1, 0});
  CHECK(chain.floats == std::vector<int64_t>{10, 30});
  const Placement held = Place({{0, 1, 90}, {2, 2, 10}, {2, 9, 10, 1, true}, {3, 4, 90}});
  CHECK(held.buffer == std::vector<int>{0, 1, 1, 0});
}

TEST_CASE("a weight that two layers read is complete when the first of them is done") {
  const ModelSpec spec =
      ModelOf("[3]",
              "[{embedding: {vocabulary: 5, width: 4, name: tokens}}, layer_norm,"
              " {linear: {tied: tokens}}, flatten]");
  CHECK(spec.tensors.size() == 4);
  CHECK(spec.tensors[0].name == "tokens.weight");
  CHECK(spec.tensors[3].name == "2.bias");
  Fixture fixture(spec, 3, 4);
  Pass pass(fixture.model(), 4);
  fixture.CheckHooks(pass, {{0, 20}, {20, 28}, {28, 33}});
}

TEST_CASE("memory of a pass follows what is alive: a deep stack of views and sums needs no more") {
  const auto floats = [](const std::string& layers) {
    CpuDevice device;
    return Model::Build(ModelOf("[16]", layers), device).value()->PassFloats(10);
  };
  // Evaluation and training share the buffers; dropouts work in place, and of the sums' gradients
  // one is passed on.
  const int64_t once = floats("[{linear: 16}, {residual: [{dropout: 0.1}]}]");
  CHECK(floats("[{linear: 16}, {repeat: {times: 50, layers: [{residual: [{dropout: 0.1}]}]}}]") ==
        once);
  CHECK(once <= 3 * 160);
}

}  // namespace paracord
