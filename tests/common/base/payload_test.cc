#include "common/base/payload.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>
#include <random>
#include <string>

namespace paracord {
namespace {

// The bytes of 0, 1, 2, ... and a way to cut them into runs, each in a buffer of its own.
struct Source {
  std::vector<float> floats;
  explicit Source(size_t count) : floats(count) { std::iota(floats.begin(), floats.end(), 0.0f); }
  const char* bytes() const { return reinterpret_cast<const char*>(floats.data()); }
  size_t size() const { return floats.size() * sizeof(float); }

  // `skew`: how far each run's first byte is from an aligned address.
  Payload Cut(const std::vector<size_t>& ends, size_t skew) const {
    Payload out;
    size_t begin = 0;
    for (const size_t end : ends) {
      auto copy = std::make_shared<std::vector<char>>(end - begin + skew);
      std::copy_n(bytes() + begin, end - begin, copy->begin() + static_cast<long>(skew));
      out.Append(copy->data() + skew, end - begin, copy);
      begin = end;
    }
    return out;
  }
};

std::vector<float> ReadAll(const Payload& payload, size_t at_a_time) {
  std::vector<float> out, scratch(at_a_time);
  Payload::Reader reader(payload);
  for (size_t left = payload.size() / sizeof(float); left > 0;) {
    const size_t count = std::min(left, at_a_time);
    const float* next = reader.Next(count, scratch.data());
    out.insert(out.end(), next, next + count);
    left -= count;
  }
  return out;
}

std::string BytesOf(const Payload& payload) {
  std::string out;
  for (const Payload::Run& run : payload.runs()) out.append(run.data, run.size);
  return out;
}

TEST_CASE("floats that straddle two runs read the same at every byte offset and alignment") {
  const Source source(9);
  for (size_t cut = 0; cut <= source.size(); ++cut) {
    for (size_t skew = 0; skew < 4; ++skew) {
      const Payload payload = source.Cut({cut, source.size()}, skew);
      CAPTURE(cut, skew);
      REQUIRE(payload.size() == source.size());
      for (size_t at_a_time = 1; at_a_time <= 9; ++at_a_time) {
        CHECK(ReadAll(payload, at_a_time) == source.floats);
      }
      std::vector<float> copy(9);
      payload.CopyTo(copy.data());
      CHECK(copy == source.floats);
    }
  }
}

TEST_CASE("floats cut into single bytes read the same") {
  const Source source(5);
  std::vector<size_t> ends(source.size());
  std::iota(ends.begin(), ends.end(), 1);
  CHECK(ReadAll(source.Cut(ends, 0), 2) == source.floats);
}

TEST_CASE("floats that lie whole and aligned are read in place") {
  const Source source(8);
  const Payload payload(source.floats.data(), 8, nullptr);
  Payload::Reader reader(payload);
  float scratch[8];
  CHECK(reader.Next(3, scratch) == source.floats.data());
  CHECK(reader.Next(5, scratch) == source.floats.data() + 3);
}

TEST_CASE("a cutter's parts are the bytes in order, whatever the runs, with nothing copied") {
  const Source source(40);
  const uint32_t seed = 20;
  CAPTURE(seed);
  std::mt19937 random(seed);
  const std::string all(source.bytes(), source.size());
  for (int round = 0; round < 500; ++round) {
    std::vector<size_t> ends = {source.size()};
    for (int i = 0; i < 4; ++i) ends.push_back(random() % (source.size() + 1));
    std::sort(ends.begin(), ends.end());
    const Payload payload = source.Cut(ends, 0);
    Payload::Cutter cutter(payload);
    Payload rejoined;
    for (size_t at = 0; at < all.size();) {
      const size_t size = random() % (all.size() - at + 1);
      const Payload part = cutter.Next(size);
      CHECK(part.size() == size);
      CHECK(BytesOf(part) == all.substr(at, size));
      rejoined.Append(part);
      at += size;
    }
    CHECK(ReadAll(rejoined, 3) == source.floats);
    for (const Payload::Run& run : rejoined.runs()) {
      CHECK(std::any_of(payload.runs().begin(), payload.runs().end(), [&](const auto& whole) {
        return whole.data <= run.data && run.data + run.size <= whole.data + whole.size &&
               whole.owner == run.owner;
      }));
    }
  }
}

TEST_CASE("a payload keeps its bytes alive, and its copies do, until the last is gone") {
  auto owner = std::make_shared<std::vector<float>>(4, 1.0f);
  const std::weak_ptr<const void> alive = owner;
  auto payload = std::make_unique<Payload>(owner->data(), 4, owner);
  owner.reset();
  auto joined = std::make_unique<Payload>();
  Payload::Cutter cutter(*payload);
  joined->Append(cutter.Next(8));
  payload.reset();
  CHECK_FALSE(alive.expired());
  CHECK(ReadAll(*joined, 2) == std::vector<float>{1, 1});
  joined.reset();
  CHECK(alive.expired());
}

TEST_CASE("empty runs are not kept") {
  Payload payload;
  payload.Append("", 0, nullptr);
  CHECK(payload.runs().empty());
  CHECK(payload.size() == 0);
  CHECK(Payload::Cutter(payload).Next(0).runs().empty());
}

}  // namespace
}  // namespace paracord
