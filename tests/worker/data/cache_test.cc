#include <chrono>
#include <filesystem>
#include <functional>
#include <set>
#include <thread>

#include "tests/worker/data/data_files.h"
#include "worker/data/cache_header.h"
#include "worker/data/dataset_cache.h"

namespace paracord {
namespace {

using Catch::Contains;
namespace fs = std::filesystem;

struct CachedFiles {
  TemporaryFolder folder;
  std::string pixels = RandomBytes(3, 50 * 9);
  DatasetSpec idx = IdxSpec(folder.Write("images", Idx({50, 3, 3}, pixels)),
                            folder.Write("labels", Idx({50}, RandomBytes(4, 50))));
  DatasetSpec csv = CsvSpec(folder.Write("t.csv", "a,b,y\n1,2,3\n4.5,6,-7\n8,9,10\n"), "y");
  DatasetSpec synthetic = SyntheticSpec(64, 5, 3, 0.1, 1);
  std::string cache = folder.Path("cache/below");

  std::string CacheFile(const DatasetSpec& spec) const { return DatasetCache(spec, cache).path(); }
};

bool SameFiles(const Dataset& a, const Dataset& b) {
  return std::equal(a.files().begin(), a.files().end(), b.files().begin(), b.files().end(),
                    [](const FileIdentity& x, const FileIdentity& y) {
                      return x.path == y.path && x.bytes == y.bytes && x.sha256 == y.sha256 &&
                             x.modified == y.modified;
                    });
}

TEST_CASE("a data set from the cache has the same values, shapes and files as a decoded one") {
  const CachedFiles files;
  for (const DatasetSpec& spec : {files.idx, files.csv, files.synthetic}) {
    const auto decoded = MustOpen(spec);
    for (int turn = 0; turn < 2; ++turn) {
      const auto cached = MustOpen(spec, files.cache);
      CHECK(ReadAll(*cached, 0.25f) == ReadAll(*decoded, 0.25f));
      CHECK(cached->sample_shape() == decoded->sample_shape());
      CHECK(cached->label_floats() == decoded->label_floats());
      CHECK(cached->min_label() == decoded->min_label());
      CHECK(cached->max_label() == decoded->max_label());
      CHECK(cached->integer_labels() == decoded->integer_labels());
      CHECK(SameFiles(*cached, *decoded));
    }
  }
  CHECK(files.folder.List("cache/below").size() == 3);
}

TEST_CASE("a cache hit reads the cache file and not its sources") {
  const CachedFiles files;
  const Values values = ReadAll(*MustOpen(files.idx, files.cache));
  const auto time = fs::last_write_time(files.idx.images);
  std::string other = files.pixels;
  other[0] ^= 1;
  files.folder.Write("images", Idx({50, 3, 3}, other));
  fs::last_write_time(files.idx.images, time);  // as if it had not changed
  CHECK(ReadAll(*MustOpen(files.idx, files.cache)) == values);
}

TEST_CASE("the pixels of a cache file stay bytes") {
  const CachedFiles files;
  MustOpen(files.idx, files.cache);
  CHECK(ReadBytes(files.CacheFile(files.idx)).find(files.pixels) != std::string::npos);
}

TEST_CASE("a source of another time or size is decoded again") {
  const CachedFiles files;
  MustOpen(files.csv, files.cache);
  files.folder.Write("t.csv", "a,b,y\n1,2,3\n4.5,6,-7\n8,9,11\n");
  fs::last_write_time(files.csv.path, fs::file_time_type::clock::now() + std::chrono::seconds(5));
  CHECK(MustOpen(files.csv, files.cache)->max_label() == 11);
  const auto time = fs::last_write_time(files.csv.path);
  files.folder.Write("t.csv", "a,b,y\n1,2,30\n");
  fs::last_write_time(files.csv.path, time);
  CHECK(MustOpen(files.csv, files.cache)->max_label() == 30);
  CHECK(files.folder.List("cache/below").size() == 1);
}

TEST_CASE("a source that has gone is an error although its cache file is there") {
  const CachedFiles files;
  MustOpen(files.csv, files.cache);
  fs::remove(files.csv.path);
  CHECK_THAT(std::string(OpenDataset(files.csv, files.cache).status().message()),
             Contains("t.csv: cannot be read"));
}

TEST_CASE("a cache file that is torn, grown or damaged in its header is refused and made anew") {
  const CachedFiles files;
  const Values values = ReadAll(*MustOpen(files.idx, files.cache));
  const std::string path = files.CacheFile(files.idx), whole = ReadBytes(path);
  const DatasetCache cache(files.idx, files.cache);
  const auto check = [&](const std::string& bytes) {
    files.folder.Write("cache/below/" + fs::path(path).filename().string(), bytes);
    CHECK(cache.Open().status().code() == absl::StatusCode::kInvalidArgument);
    CHECK(ReadAll(*MustOpen(files.idx, files.cache)) == values);
    CHECK(ReadBytes(path) == whole);
  };
  for (const size_t size : {size_t{0}, size_t{15}, size_t{87}, size_t{200}, whole.size() - 1}) {
    check(whole.substr(0, size));
  }
  check(whole + '\0');
  check(RandomBytes(1, 5000));
  for (const size_t at : {0, 16, 20, 30, 90, 150, 300}) {
    std::string damaged = whole;
    damaged[at] ^= 0x40;
    check(damaged);
  }
}

TEST_CASE("a cache file with one turned bit in its features or labels is refused and made anew") {
  const CachedFiles files;
  for (const DatasetSpec& spec : {files.idx, files.csv, files.synthetic}) {
    const Values values = ReadAll(*MustOpen(spec, files.cache));
    const std::string path = files.CacheFile(spec), whole = ReadBytes(path);
    const auto header = DecodeCacheHeader(whole);
    REQUIRE(header.ok());
    const CacheLayout layout = LayoutOf(*header, CacheHeaderBytes(whole)).value();
    for (const uint64_t at : {layout.features, layout.features + layout.feature_bytes - 1,
                              layout.labels, layout.labels + layout.label_bytes - 1}) {
      std::string damaged = whole;
      damaged[at] ^= 1;
      files.folder.Write("cache/below/" + fs::path(path).filename().string(), damaged);
      const absl::Status opened = DatasetCache(spec, files.cache).Open().status();
      CAPTURE(path, at);
      CHECK(absl::IsInvalidArgument(opened));
      CHECK_THAT(std::string(opened.message()), Contains("damaged: values of checksum"));
      CHECK(ReadAll(*MustOpen(spec, files.cache)) == values);
      CHECK(ReadBytes(path) == whole);
    }
  }
}

TEST_CASE("a cache file made for another data set is foreign") {
  const CachedFiles files;
  MustOpen(files.idx, files.cache);
  const Values values = ReadAll(*MustOpen(files.csv, files.cache));
  fs::copy_file(files.CacheFile(files.idx), files.CacheFile(files.csv),
                fs::copy_options::overwrite_existing);
  const auto opened = DatasetCache(files.csv, files.cache).Open();
  CHECK_THAT(std::string(opened.status().message()), Contains("made for another data set"));
  CHECK(ReadAll(*MustOpen(files.csv, files.cache)) == values);
}

TEST_CASE("every field of a spec that changes its values has a cache file of its own") {
  const CachedFiles files;
  const DatasetSpec spec = SyntheticSpec(10, 2, 2, 0.5, 1);
  CHECK(files.CacheFile(spec) == files.CacheFile(SyntheticSpec(10, 2, 2, 0.5, 1)));
  for (const DatasetSpec& other :
       {SyntheticSpec(11, 2, 2, 0.5, 1), SyntheticSpec(10, 3, 2, 0.5, 1),
        SyntheticSpec(10, 2, 3, 0.5, 1), SyntheticSpec(10, 2, 2, 0.5000000001, 1),
        SyntheticSpec(10, 2, 2, 0.5, 2), CsvSpec("a", "b"), CsvSpec("ab", "")}) {
    CHECK(files.CacheFile(spec) != files.CacheFile(other));
  }
  CHECK(files.CacheFile(CsvSpec("a", "b")) != files.CacheFile(CsvSpec("ab", "")));
}

TEST_CASE("every setting of text, images, rows and tables has a cache file of its own") {
  const CachedFiles files;
  const std::vector<std::function<void(DatasetSpec&)>> changes = {
      [](DatasetSpec& s) { s.context = 1; },
      [](DatasetSpec& s) { s.stride = 1; },
      [](DatasetSpec& s) { s.from = 0.1; },
      [](DatasetSpec& s) { s.to = 0.1; },
      [](DatasetSpec& s) { s.height = 1; },
      [](DatasetSpec& s) { s.width = 1; },
      [](DatasetSpec& s) { s.channels = 1; },
      [](DatasetSpec& s) { s.paths = {"a"}; },
      [](DatasetSpec& s) {
        s.paths = {"a", ""};
      },
      [](DatasetSpec& s) { s.rows.every = 1; },
      [](DatasetSpec& s) { s.rows.at = 1; },
      [](DatasetSpec& s) { s.rows.except = true; },
      [](DatasetSpec& s) { s.table.header = false; },
      [](DatasetSpec& s) { s.table.missing = MissingKind::kMean; },
      [](DatasetSpec& s) { s.table.missing = MissingKind::kZero; },
      [](DatasetSpec& s) { s.table.standardize = true; },
      [](DatasetSpec& s) { s.table.label_is_above = true; },
      [](DatasetSpec& s) { s.table.label_above = 1; },
      [](DatasetSpec& s) { s.table.learn_from = "a"; },
      [](DatasetSpec& s) { s.table.learn_rows.every = 1; },
      [](DatasetSpec& s) { s.table.columns.resize(1); },
      [](DatasetSpec& s) { s.table.columns.resize(2); },
      [](DatasetSpec& s) {
        s.table.columns = {{ColumnSpec::Kind::kIgnored, "", {}, 0, 0, {}, {}}};
      },
      [](DatasetSpec& s) {
        s.table.columns = {{ColumnSpec::Kind::kNumber, "a", {}, 0, 0, {}, {}}};
      },
      [](DatasetSpec& s) {
        s.table.columns = {{ColumnSpec::Kind::kNumber, "", {"a"}, 0, 0, {}, {}}};
      },
      [](DatasetSpec& s) {
        s.table.columns = {{ColumnSpec::Kind::kNumber, "", {}, 1, 0, {}, {}}};
      },
      [](DatasetSpec& s) {
        s.table.columns = {{ColumnSpec::Kind::kNumber, "", {}, 0, 1, {}, {}}};
      },
      [](DatasetSpec& s) {
        s.table.columns = {{ColumnSpec::Kind::kNumber, "", {}, 0, 0, {"a"}, {}}};
      },
      [](DatasetSpec& s) {
        s.table.columns = {{ColumnSpec::Kind::kNumber, "", {}, 0, 0, {}, {DatePart::kMonth}}};
      },
      [](DatasetSpec& s) {
        s.table.columns = {{ColumnSpec::Kind::kNumber, "", {}, 0, 0, {}, {DatePart::kHour}}};
      },
  };
  std::set<std::string> names = {files.CacheFile(DatasetSpec())};
  for (const auto& change : changes) {
    DatasetSpec spec;
    change(spec);
    names.insert(files.CacheFile(spec));
  }
  CHECK(names.size() == changes.size() + 1);
}

TEST_CASE("a cache folder that cannot be written costs nothing but the cache") {
  const CachedFiles files;
  const std::string blocked = files.folder.Write("file", "") + "/cache";
  CHECK(ReadAll(*MustOpen(files.csv, blocked)) == ReadAll(*MustOpen(files.csv)));
}

TEST_CASE("many may open one data set at once, and one whole file is left") {
  const CachedFiles files;
  const Values values = ReadAll(*MustOpen(files.idx));
  std::vector<std::thread> threads;
  std::vector<Values> found(8);
  for (Values& mine : found) {
    threads.emplace_back([&] {
      auto data = OpenDataset(files.idx, files.cache);
      if (data.ok()) mine = ReadAll(**data);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Values& mine : found) CHECK(mine == values);
  CHECK(files.folder.List("cache/below").size() == 1);
}

TEST_CASE("a mapped data set outlives the replacement of its cache file") {
  const CachedFiles files;
  const auto data = MustOpen(files.idx, files.cache);
  const Values values = ReadAll(*data);
  fs::remove_all(files.cache);
  CHECK(ReadAll(*data) == values);
}

TEST_CASE("a temporary file that a killed writer left is removed a day later, a young one stays") {
  const CachedFiles files;
  fs::create_directories(files.cache);
  const std::string name = fs::path(files.CacheFile(files.csv)).filename().string() + ".tmp-";
  const std::string old = files.folder.Write("cache/below/" + name + "old", "x");
  files.folder.Write("cache/below/" + name + "new", "x");
  fs::last_write_time(old, fs::file_time_type::clock::now() - std::chrono::hours(48));
  MustOpen(files.csv, files.cache);
  CHECK(files.folder.List("cache/below").size() == 2);
  CHECK_FALSE(fs::exists(old));
}

TEST_CASE("a cache header whose sizes overflow is refused although its checksum is right") {
  CacheHeader header;
  header.samples = uint64_t{1} << 62;
  header.sample_shape = {int64_t{1} << 61, 8};
  const std::string bytes = EncodeCacheHeader(header);
  const auto decoded = DecodeCacheHeader(bytes);
  REQUIRE(decoded.ok());
  CHECK_FALSE(LayoutOf(*decoded, CacheHeaderBytes(bytes)).ok());
  header.samples = 1;
  for (const Shape& shape : {Shape{0}, Shape{-4, -4}}) {
    header.sample_shape = shape;
    CHECK_FALSE(LayoutOf(header, bytes.size()).ok());
  }
}

}  // namespace
}  // namespace paracord
