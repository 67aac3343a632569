#include "worker/tensor/arena.h"

#include <catch2/catch.hpp>
#include <limits>
#include <map>

#include "tests/worker/tensor/ops_check.h"

namespace paracord {
namespace {

constexpr uint64_t kUnit = Arena::kAlignment;

}  // namespace

TEST_CASE("blocks of an arena lie inside it, aligned, and never in one another") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Draw draw(seed);
    constexpr uint64_t kBegin = 7 * kUnit, kBytes = 200 * kUnit;
    Arena arena(kBegin, kBytes);
    std::map<uint64_t, uint64_t> blocks;  // address, bytes
    for (int i = 0; i < 500; ++i) {
      if (!blocks.empty() && draw(0, 2) == 0) {
        const auto block = std::next(blocks.begin(), draw(0, int64_t(blocks.size()) - 1));
        arena.GiveBack(block->first);
        blocks.erase(block);
        continue;
      }
      const auto bytes = static_cast<uint64_t>(draw(0, 30 * int64_t{kUnit}));
      const absl::StatusOr<uint64_t> address = arena.Take(bytes);
      if (!address.ok()) continue;
      CHECK(*address % kUnit == 0);
      CHECK((*address >= kBegin && *address + bytes <= kBegin + kBytes));
      const auto after = blocks.lower_bound(*address);
      CHECK((after == blocks.end() || *address + bytes <= after->first));
      CHECK((after == blocks.begin() ||
             std::prev(after)->first + std::prev(after)->second <= *address));
      blocks[*address] = bytes == 0 ? 1 : bytes;
    }
    for (const auto& [address, bytes] : blocks) arena.GiveBack(address);
    CHECK(arena.used() == 0);
    CHECK(arena.Take(kBytes).ok());  // the gaps have grown together
    CHECK(arena.most_used() == kBytes);
  }
}

TEST_CASE("what does not fit into an arena is refused with the sums, and changes nothing") {
  Arena arena(0, 10 * kUnit + 5);
  CHECK(arena.bytes() == 10 * kUnit);
  const uint64_t first = arena.Take(4 * kUnit).value(), second = arena.Take(2 * kUnit).value();
  CHECK(arena.Take(4 * kUnit).ok());
  arena.GiveBack(first);
  for (const uint64_t bytes :
       {5 * kUnit, uint64_t{1} << 40, std::numeric_limits<uint64_t>::max()}) {
    const absl::Status refused = arena.Take(bytes).status();
    CHECK(refused.code() == absl::StatusCode::kResourceExhausted);
    const std::string text(refused.message());
    CHECK(text.find("found 1024 bytes free of the 2560") != std::string::npos);
    CHECK(text.find("expected " + std::to_string(bytes)) != std::string::npos);
  }
  arena.GiveBack(second);
  CHECK(arena.Take(6 * kUnit).value() == first);
  CHECK_FALSE(Arena(0, 0).Take(0).ok());
}

TEST_CASE("an arena takes the smallest gap that a block fits into, the first of equal ones") {
  Arena arena(0, 20 * kUnit);
  std::vector<uint64_t> blocks;
  for (const uint64_t units : {5, 1, 2, 1, 3, 1, 2, 5}) {
    blocks.push_back(arena.Take(units * kUnit).value());
  }
  for (const size_t i : {0, 2, 4, 6}) arena.GiveBack(blocks[i]);
  CHECK(arena.Take(2 * kUnit).value() == blocks[2]);
  CHECK(arena.Take(kUnit + 1).value() == blocks[6]);
  CHECK(arena.Take(1).value() == blocks[4]);
}

}  // namespace paracord
