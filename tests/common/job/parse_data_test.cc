#include <catch2/catch.hpp>

#include "common/job/job_spec.h"

namespace paracord {
namespace {

using Kind = ColumnSpec::Kind;

// A job with this data section, over a model of `inputs` values.
JobSpec Job(const std::string& data, int inputs) {
  const std::string text = "model: {input: [" + std::to_string(inputs) +
                           "], layers: [{linear: 10}], loss: softmax_cross_entropy}\ndata:\n" +
                           data + "train: {epochs: 1, batch_size: 10}\n";
  const auto job = ParseJobOrStatus(text, "/jobs");
  INFO(text);
  INFO(job.status());
  REQUIRE(job.ok());
  return *job;
}

TEST_CASE("a part of a text is a share of its bytes, and samples lie side by side if not said") {
  const JobSpec job =
      Job("  train: {format: text, path: t.gz, context: 64, split: {to: 0.9}}\n"
          "  test: {format: text, path: /t, context: 64, stride: 3, split: {from: 0.9}}\n",
          64);
  CHECK(job.train.path == "/jobs/t.gz");
  CHECK(job.train.context == 64);
  CHECK(job.train.stride == 64);
  CHECK(job.train.from == 0);
  CHECK(job.train.to == 0.9);
  CHECK(job.test->from == 0.9);
  CHECK(job.test->to == 1);
  CHECK(job.test->stride == 3);
}

TEST_CASE("a text names its vocabulary's file, which is one of those it reads") {
  const JobSpec job =
      Job("  train: {format: text, path: t, context: 64, vocabulary: v.vocabulary}\n", 64);
  CHECK(job.train.vocabulary == "/jobs/v.vocabulary");
  CHECK(job.train.Files() == std::vector<std::string>{"/jobs/t", "/jobs/v.vocabulary"});
  CHECK(Job("  train: {format: text, path: t, context: 64}\n", 64).train.vocabulary.empty());
}

TEST_CASE("bits a byte can be told of a model of any size whose text has a vocabulary") {
  const auto job = [](const std::string& vocabulary) {
    const std::string data = "{format: text, path: t, context: 8" + vocabulary + "}";
    return ParseJobOrStatus(
               "model: {input: [8], layers: [{embedding: {vocabulary: 300, width: 4}}, "
               "{linear: 300}], loss: softmax_cross_entropy}\ndata: {train: " +
                   data + ", test: " + data +
                   "}\ntrain: {epochs: 1, batch_size: 1, evaluate: {metrics: "
                   "[bits_per_byte]}}\n",
               "/jobs")
        .status();
  };
  CHECK(job(", vocabulary: v") == absl::OkStatus());
  CHECK_THAT(std::string(job("").message()), Catch::Contains("text with a vocabulary"));
}

TEST_CASE("cifar, images and npy are read with their paths, and transforms with their numbers") {
  const JobSpec job =
      Job("  train: {format: cifar, paths: [a.bin, /b.bin], classes: 100}\n"
          "  test: {format: images, path: photos, size: [32, 32], rows: {every: 5, except: 2}}\n"
          "  normalize: {mean: [1, 2, 3], std: [4, 5, 6]}\n"
          "  augment: {flip: horizontal, crop: {padding: 4}}\n",
          3072);
  CHECK(job.train.paths == std::vector<std::string>{"/jobs/a.bin", "/b.bin"});
  CHECK(job.train.Files() == job.train.paths);
  CHECK(job.train.classes == 100);
  CHECK(job.test->path == "/jobs/photos");
  CHECK(job.test->height == 32);
  CHECK(job.test->channels == 3);
  CHECK(job.test->rows == RowsSpec{5, 2, true});
  CHECK(job.transform.mean == std::vector<double>{1, 2, 3});
  CHECK(job.transform.deviation == std::vector<double>{4, 5, 6});
  CHECK(job.transform.flips);
  CHECK(job.transform.crop_padding == 4);
  const DatasetSpec npy = Job("  train: {format: npy, features: x.npy, labels: y.npy}\n", 4).train;
  CHECK(npy.path == "/jobs/x.npy");
  CHECK(npy.labels == "/jobs/y.npy");
}

constexpr char kTable[] =
    "  train: {format: csv, path: t.csv, label: 21, header: false, label_above: 15,\n"
    "          rows: {every: 5, except: 4}, missing: mean, standardize: true,\n"
    "          columns: {1: {vocabulary: [a, b]}, 2: {vocabulary: 30}, 3: {hash: 100},\n"
    "                    4: ignore, 5: {date: [hour, month]}, 6: number,\n"
    "                    route: {cross: [1, 2], hash: 50}}}\n";

TEST_CASE("columns of a table are what the job says of them") {
  const DatasetSpec train = Job(kTable, 9).train;
  CHECK(train.label == "21");
  CHECK_FALSE(train.table.header);
  CHECK(train.table.label_is_above);
  CHECK(train.table.label_above == 15);
  CHECK(train.table.missing == MissingKind::kMean);
  CHECK(train.table.standardize);
  CHECK(train.table.Learns());
  CHECK(train.table.learn_from.empty());
  std::vector<Kind> kinds;
  std::vector<int64_t> ids;
  for (const ColumnSpec& column : train.table.columns) {
    kinds.push_back(column.kind);
    ids.push_back(column.Ids());
  }
  CHECK(kinds == std::vector<Kind>{Kind::kWords, Kind::kLearned, Kind::kHashed, Kind::kIgnored,
                                   Kind::kDate, Kind::kNumber, Kind::kCross});
  CHECK(ids == std::vector<int64_t>{3, 31, 101, 0, 0, 0, 51});
  CHECK(train.table.columns[4].parts == std::vector<DatePart>{DatePart::kHour, DatePart::kMonth});
  CHECK(train.table.columns[6].crosses == std::vector<std::string>{"1", "2"});
}

TEST_CASE("a test set is a table as the training set is, and learns from that") {
  const JobSpec job =
      Job(std::string(kTable) + "  test: {format: csv, path: u.csv, rows: {every: 5, at: 4}}\n", 9);
  TableSpec expected = job.train.table;
  expected.learn_from = "/jobs/t.csv";
  expected.learn_rows = {5, 4, true};
  CHECK(job.test->table == expected);
  CHECK(job.test->label == "21");
  CHECK(job.test->rows == RowsSpec{5, 4, false});
  CHECK(job.test->Files() == std::vector<std::string>{"/jobs/u.csv", "/jobs/t.csv"});
  const JobSpec plain =
      Job("  train: {format: csv, path: t.csv, label: y}\n"
          "  test: {format: csv, path: u.csv, label: z}\n",
          3);
  CHECK(plain.test->label == "z");
  CHECK(plain.test->table.learn_from.empty());
  CHECK(plain.test->table == plain.train.table);
}

}  // namespace
}  // namespace paracord
