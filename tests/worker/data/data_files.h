// What the tests of worker/data share: a folder that goes away, files in the formats, specs of
// them.
#pragma once

#include <stdlib.h>
#include <zlib.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "common/base/philox.h"
#include "common/job/job_spec.h"
#include "worker/data/dataset.h"

namespace paracord {

// A fresh folder under the system's temporary one, removed with all that is in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    path_ = (std::filesystem::temp_directory_path() / "paracord-data-XXXXXX").string();
    REQUIRE(mkdtemp(path_.data()) != nullptr);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string Path(const std::string& name) const { return path_ + "/" + name; }
  // Writes a new file in place of the one that may be there (which a mapping may still hold) and
  // returns its path.
  std::string Write(const std::string& name, const std::string& bytes) const {
    std::filesystem::remove(Path(name));
    std::ofstream out(Path(name), std::ios::binary);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    out.close();
    REQUIRE(out.good());
    return Path(name);
  }
  // Names of the files in the folder's subfolder `name`, sorted; none if it is not there.
  std::vector<std::string> List(const std::string& name) const {
    std::vector<std::string> names;
    if (!std::filesystem::exists(Path(name))) return names;
    for (const auto& entry : std::filesystem::directory_iterator(Path(name))) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  std::string path_;
};

inline std::string ReadBytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  REQUIRE(in.good());
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::string Gzip(const std::string& bytes) {
  z_stream stream = {};
  REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

// An IDX array of unsigned bytes.
inline std::string Idx(const std::vector<uint32_t>& sizes, const std::string& values) {
  std::string bytes = {0, 0, 8, static_cast<char>(sizes.size())};
  for (const uint32_t size : sizes) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(size >> shift);
  }
  return bytes + values;
}

// `count` bytes that follow from `seed`.
inline std::string RandomBytes(uint64_t seed, size_t count) {
  std::string bytes(count, '\0');
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<char>(Philox(seed, 0, i)[0]);
  return bytes;
}

inline DatasetSpec IdxSpec(const std::string& images, const std::string& labels) {
  DatasetSpec spec;
  spec.format = DatasetSpec::Format::kIdx;
  spec.images = images;
  spec.labels = labels;
  return spec;
}

inline DatasetSpec CsvSpec(const std::string& path, const std::string& label) {
  DatasetSpec spec;
  spec.format = DatasetSpec::Format::kCsv;
  spec.path = path;
  spec.label = label;
  return spec;
}

inline DatasetSpec LibsvmSpec(const std::string& path, int64_t features) {
  DatasetSpec spec;
  spec.format = DatasetSpec::Format::kLibsvm;
  spec.path = path;
  spec.features = features;
  return spec;
}

inline DatasetSpec SyntheticSpec(int64_t samples, int64_t features, int64_t classes, double noise,
                                 uint64_t seed) {
  DatasetSpec spec;
  spec.format = DatasetSpec::Format::kSynthetic;
  spec.samples = samples;
  spec.features = features;
  spec.classes = classes;
  spec.noise = noise;
  spec.seed = seed;
  return spec;
}

inline DatasetSpec TextSpec(const std::string& path, int64_t context, int64_t stride,
                            double from = 0, double to = 1) {
  DatasetSpec spec;
  spec.format = DatasetSpec::Format::kText;
  spec.path = path;
  spec.context = context;
  spec.stride = stride;
  spec.from = from;
  spec.to = to;
  return spec;
}

inline DatasetSpec CifarSpec(const std::vector<std::string>& paths, int64_t classes) {
  DatasetSpec spec;
  spec.format = DatasetSpec::Format::kCifar;
  spec.paths = paths;
  spec.classes = classes;
  return spec;
}

inline DatasetSpec NpySpec(const std::string& features, const std::string& labels) {
  DatasetSpec spec;
  spec.format = DatasetSpec::Format::kNpy;
  spec.path = features;
  spec.labels = labels;
  return spec;
}

// `name` in $PARACORD_DATA, else in the folder `shared/data` beside the checkout that this was
// compiled from; "" (and a warning) if in neither.
inline std::string RealData(const std::string& name) {
  namespace fs = std::filesystem;
  const char* given = std::getenv("PARACORD_DATA");
  const fs::path checkout = fs::path(__FILE__).parent_path() / "../../..";
  for (const fs::path& folder :
       {fs::path(given != nullptr ? given : ""), checkout / "../shared/data"}) {
    std::error_code ignored;
    if (fs::exists(folder / name, ignored)) return (folder / name).string();
  }
  WARN("skipped: no " << name << " in $PARACORD_DATA");
  return "";
}

// All samples of a set in order.
struct Values {
  std::vector<float> features;
  std::vector<float> labels;
  bool operator==(const Values&) const = default;
};
inline Values ReadAll(const Dataset& data, float scale = 1) {
  std::vector<uint64_t> indices(data.samples());
  std::iota(indices.begin(), indices.end(), 0);
  Values values;
  values.features.resize(data.samples() * data.features());
  values.labels.resize(data.samples() * data.label_floats());
  data.Read(indices, scale, values.features.data(), values.labels.data());
  return values;
}

// Opens without a cache; the error's message, or "" if there is none.
inline std::string ErrorOf(const DatasetSpec& spec) {
  return std::string(OpenDataset(spec, "").status().message());
}

inline std::shared_ptr<const Dataset> MustOpen(const DatasetSpec& spec,
                                               const std::string& cache_directory = "") {
  auto data = OpenDataset(spec, cache_directory);
  INFO(data.status().ToString());
  REQUIRE(data.ok());
  return *std::move(data);
}

}  // namespace paracord
