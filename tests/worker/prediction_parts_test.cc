#include "worker/prediction_parts.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <random>
#include <thread>

#include "common/base/daemon.h"
#include "tests/support/temporary_directory.h"

namespace paracord {
namespace {

// A file of one value a sample, which is the sample's number.
struct NumbersFile {
  TemporaryDirectory folder;
  uint64_t samples;
  std::unique_ptr<PredictionFile> file;

  explicit NumbersFile(uint64_t count) : samples(count) {
    PredictionLayout layout;
    layout.loss = LossKind::kMeanSquaredError;
    layout.output = {1};
    layout.samples = count;
    file = PredictionFile::Open(Path(), layout).value();
  }
  std::string Path() const { return folder.path() + "/out.csv"; }
  std::string Wanted() const {
    std::string text = "sample,v0\n";
    for (uint64_t i = 0; i < samples; ++i) absl::StrAppend(&text, i, ",", i, "\n");
    return text;
  }
};

std::vector<float> NumbersOf(const PredictionParts::Part& part) {
  std::vector<float> numbers;
  for (uint64_t i = 0; i < part.rows; ++i) numbers.push_back(static_cast<float>(part.first + i));
  return numbers;
}

TEST_CASE("every sample is written once and in order, whoever answers and fails when") {
  for (uint32_t seed = 0; seed < 30; ++seed) {
    INFO("seed " << seed);
    std::mt19937 draw(seed);
    const uint64_t samples = 1 + draw() % 200, rows = 1 + draw() % 20, window = 1 + draw() % 6;
    NumbersFile numbers(samples);
    PredictionParts parts(samples, rows, window, numbers.file.get());
    const auto answer = [&](uint32_t own, int failures) {
      std::mt19937 drawn(own);
      while (const auto part = parts.Take()) {
        if (drawn() % 3 == 0 && failures > 0) {
          --failures;
          parts.GiveBack(*part);
          if (drawn() % 2 == 0) return;  // it is asked no more
          continue;
        }
        if (drawn() % 4 == 0) std::this_thread::yield();
        parts.Finish(*part, NumbersOf(*part));
      }
    };
    std::vector<std::thread> threads;
    for (uint32_t i = 0; i < 3; ++i) threads.emplace_back(answer, seed * 10 + i, 5);
    for (std::thread& thread : threads) thread.join();
    answer(0, 0);
    CHECK(parts.status().ok());
    REQUIRE(numbers.file->Commit().ok());
    CHECK(*ReadFile(numbers.Path()) == numbers.Wanted());
  }
}

TEST_CASE("no more parts are under way than the window has, and one given back goes first") {
  NumbersFile numbers(100);
  PredictionParts parts(100, 10, 3, numbers.file.get());
  const auto first = *parts.Take(), second = *parts.Take(), third = *parts.Take();
  CHECK(second.index == 1);
  CHECK(third.first == 20);
  parts.Finish(second, NumbersOf(second));  // not the first that is to be written
  parts.GiveBack(third);
  CHECK(parts.Take()->index == third.index);
  parts.GiveBack(first);
  CHECK(parts.Take()->index == first.index);
  parts.Finish(first, NumbersOf(first));
  CHECK(parts.Take()->index == 3);
  CHECK(parts.Take()->index == 4);
  CHECK(absl::IsInternal(parts.status()));  // parts are left
}

TEST_CASE("one who waits is given the part of another who fails, and all end when one says so") {
  NumbersFile numbers(20);
  PredictionParts parts(20, 10, 8, numbers.file.get());
  const auto first = *parts.Take();
  const auto second = *parts.Take();
  std::optional<PredictionParts::Part> given, none = first;
  std::atomic<bool> has_it{false};
  std::thread waiting([&] {
    given = parts.Take();
    has_it = true;
    none = parts.Take();
  });
  parts.GiveBack(second);
  while (!has_it) std::this_thread::yield();
  parts.Fail(absl::DataLossError("the disk"));
  waiting.join();
  CHECK(given->index == second.index);
  CHECK_FALSE(none.has_value());
  CHECK(absl::IsDataLoss(parts.status()));
}

}  // namespace
}  // namespace paracord
