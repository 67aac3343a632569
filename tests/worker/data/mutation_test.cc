#include <filesystem>
#include <functional>
#include <random>

#include "common/base/sha256.h"
#include "tests/worker/data/image_files.h"
#include "worker/data/cache_header.h"
#include "worker/data/dataset_cache.h"
#include "worker/data/image_resize.h"
#include "worker/data/raw_image.h"

namespace paracord {
namespace {

constexpr uint32_t kSeed = 20240607;
constexpr int kMutations = 2000;

// One to four changes: a bit, a byte, a cut, a stretch taken out or doubled.
std::string Mutate(std::string bytes, std::mt19937& random) {
  for (uint32_t changes = 1 + random() % 4; changes > 0 && !bytes.empty(); --changes) {
    const size_t at = random() % bytes.size();
    const size_t count = std::min<size_t>(1 + random() % 16, bytes.size() - at);
    switch (random() % 5) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
        break;
      case 1:
        bytes[at] = static_cast<char>(random());
        break;
      case 2:
        bytes.resize(at);
        break;
      case 3:
        bytes.erase(at, count);
        break;
      default:
        bytes.insert(at, bytes.substr(at, count));
    }
  }
  return bytes;
}

// A spec over mutated bytes opens, and can be read and checked, or is an error with a message.
void CheckMutations(const std::string& valid,
                    const std::function<DatasetSpec(const std::string&)>& with) {
  std::mt19937 random(kSeed);
  size_t refused = 0;
  for (int i = 0; i < kMutations; ++i) {
    const auto data = OpenDataset(with(Mutate(valid, random)), "");
    INFO("seed " << kSeed << ", mutation " << i << ": " << data.status().ToString());
    if (data.ok()) {
      const uint64_t labels = (*data)->samples() * static_cast<uint64_t>((*data)->label_floats());
      REQUIRE(ReadAll(**data).labels.size() == labels);
    } else {
      ++refused;
      REQUIRE(!data.status().message().empty());
    }
  }
  CHECK(refused > 0);
}

TEST_CASE("mutated idx files are read or refused, never a crash") {
  const TemporaryFolder folder;
  const std::string labels = folder.Write("labels", Idx({6}, RandomBytes(1, 6)));
  const auto with = [&](const std::string& bytes) {
    return IdxSpec(folder.Write("images", bytes), labels);
  };
  const std::string images = Idx({6, 3, 3}, RandomBytes(2, 54));
  CheckMutations(images, with);
  CheckMutations(Gzip(images), with);
}

TEST_CASE("mutated csv files are read or refused, never a crash") {
  const TemporaryFolder folder;
  CheckMutations(
      "a,\"b \"\"c\"\"\",y\r\n1,2.5,3\r\n\"-4\",5e3,6\r\n7,8,9\r\n",
      [&](const std::string& bytes) { return CsvSpec(folder.Write("t.csv", bytes), "y"); });
}

TEST_CASE("mutated libsvm files are read or refused, never a crash") {
  const TemporaryFolder folder;
  CheckMutations("+1 1:0.5 3:-2 # c\n-1 2:1e1 7:3\n1 1:1 2:2 9:3\n", [&](const std::string& bytes) {
    return LibsvmSpec(folder.Write("t.svm", bytes), 9);
  });
}

TEST_CASE("mutated tables are read or refused, never a crash") {
  const TemporaryFolder folder;
  CheckMutations("when,c,\"b\",y\n2001-02-03 04:05,red,1,3\n2004-02-29T23:00Z,\"blue\",NA,6\n",
                 [&](const std::string& bytes) {
                   DatasetSpec spec = CsvSpec(folder.Write("t.csv", bytes), "y");
                   spec.table.missing = MissingKind::kMean;
                   spec.table.standardize = true;
                   spec.table.columns.resize(3);
                   spec.table.columns[0].name = "when";
                   spec.table.columns[0].kind = ColumnSpec::Kind::kDate;
                   spec.table.columns[0].parts = {DatePart::kHour, DatePart::kWeekday};
                   spec.table.columns[1].name = "c";
                   spec.table.columns[1].kind = ColumnSpec::Kind::kLearned;
                   spec.table.columns[1].learned = 1;
                   spec.table.columns[2].name = "cross";
                   spec.table.columns[2].kind = ColumnSpec::Kind::kCross;
                   spec.table.columns[2].crosses = {"c", "b"};
                   spec.table.columns[2].buckets = 7;
                   return spec;
                 });
}

TEST_CASE("mutated text and cifar files are read or refused, never a crash") {
  const TemporaryFolder folder;
  CheckMutations(Gzip("to be or not to be"), [&](const std::string& bytes) {
    return TextSpec(folder.Write("t", bytes), 5, 2);
  });
  CheckMutations(std::string(1, 3) + RandomBytes(1, 3072), [&](const std::string& bytes) {
    return CifarSpec({folder.Write("c", bytes)}, 10);
  });
}

TEST_CASE("mutated npy files are read or refused, never a crash") {
  const TemporaryFolder folder;
  const std::string text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }\n";
  std::string file = std::string("\x93NUMPY\x01\0", 8) + static_cast<char>(text.size());
  file += std::string(1, '\0') + text + RandomBytes(1, 8);
  CheckMutations(file, [&](const std::string& bytes) {
    const std::string path = folder.Write("x", bytes);
    return NpySpec(path, path);
  });
}

TEST_CASE("mutated images are read or refused, never a crash") {
  const std::string files[] = {
      Png(6, 7, PNG_COLOR_TYPE_RGB, 8, RandomBytes(1, 126)),
      Png(6, 7, PNG_COLOR_TYPE_GRAY, 8, RandomBytes(1, 42), PNG_INTERLACE_ADAM7),
      Jpeg(17, 20, JCS_RGB, 3, SmoothRows(17, 20, 3)),
      Jpeg(17, 20, JCS_GRAYSCALE, 1, SmoothRows(17, 20, 1), true)};
  std::mt19937 random(kSeed);
  for (const std::string& valid : files) {
    int readable = 0;
    for (int i = 0; i < kMutations; ++i) {
      INFO("seed " << kSeed << ", mutation " << i);
      auto image = DecodeImageFile(Mutate(valid, random));
      if (!image.ok()) {
        REQUIRE(!image.status().message().empty());
        continue;
      }
      ++readable;
      uint8_t out[3 * 5 * 4];
      SetChannels(3, &*image);
      ResizeAndCrop(*image, 5, 4, out);
    }
    CHECK(readable > 0);
    CHECK(readable < kMutations);
  }
}

// A cache file's header as cache_header.h draws it, with a right length and checksum around any
// body.
std::string Sealed(const std::string& body) {
  const uint32_t numbers[] = {4, static_cast<uint32_t>(88 + body.size())};
  Sha256 hash;
  hash.Add(body.data(), body.size());
  return "paracord-dataset" + std::string(reinterpret_cast<const char*>(numbers), 8) + hash.Hex() +
         body;
}

TEST_CASE("mutated cache headers with a right checksum are read or refused, never a crash") {
  CacheHeader header;
  header.key = "key";
  header.files = {{"images", 7, 8, std::string(64, 'a')}, {"labels", 9, 10, std::string(64, 'b')}};
  header.samples = 5;
  header.sample_shape = {3, 3};
  const std::string valid = EncodeCacheHeader(header), body = valid.substr(88);
  REQUIRE(Sealed(body) == valid);
  std::mt19937 random(kSeed);
  for (int i = 0; i < kMutations; ++i) {
    const std::string file = Sealed(Mutate(body, random));
    INFO("seed " << kSeed << ", mutation " << i);
    const auto decoded = DecodeCacheHeader(file);
    if (!decoded.ok()) continue;
    const auto layout = LayoutOf(*decoded, CacheHeaderBytes(file));
    if (layout.ok()) REQUIRE(layout->features < layout->end);
  }
}

TEST_CASE("mutated cache files give the same values or are refused, never a crash") {
  const TemporaryFolder folder;
  const DatasetSpec spec = CsvSpec(folder.Write("t.csv", "a,y\n1,2\n3,4\n"), "y");
  const std::string directory = folder.Path("cache");
  const Values values = ReadAll(*MustOpen(spec, directory));
  const DatasetCache cache(spec, directory);
  const std::string valid = ReadBytes(cache.path());
  std::mt19937 random(kSeed);
  for (int i = 0; i < 300; ++i) {
    folder.Write("cache/" + std::filesystem::path(cache.path()).filename().string(),
                 Mutate(valid, random));
    INFO("seed " << kSeed << ", mutation " << i);
    const auto contents = cache.Open();
    if (!contents.ok()) continue;
    const auto data = Dataset::Make(*contents);
    if (data.ok()) REQUIRE(ReadAll(**data) == values);
  }
}

}  // namespace
}  // namespace paracord
