#include "tests/worker/data/data_files.h"

namespace paracord {
namespace {

TEST_CASE("MNIST has its published sizes, and its cache the same values") {
  const std::string folder = RealData("mnist");
  if (folder.empty()) return;
  const TemporaryFolder cache;
  for (const auto& [name, samples, ink] :
       {std::tuple{"train", 60000u, 0.1307}, std::tuple{"t10k", 10000u, 0.1325}}) {
    const std::string prefix = folder + "/" + name;
    const DatasetSpec spec =
        IdxSpec(prefix + "-images-idx3-ubyte.gz", prefix + "-labels-idx1-ubyte.gz");
    const auto data = MustOpen(spec, cache.Path("cache"));
    CHECK(data->samples() == samples);
    CHECK(data->sample_shape() == Shape{28, 28});
    CHECK(data->min_label() == 0);
    CHECK(data->max_label() == 9);
    const Values values = ReadAll(*data, 1.0f / 255);
    double sum = 0;
    for (const float value : values.features) sum += value;
    CHECK(sum / static_cast<double>(values.features.size()) == Approx(ink).margin(1e-4));
    CHECK(values == ReadAll(*MustOpen(spec, cache.Path("cache")), 1.0f / 255));
  }
}

}  // namespace
}  // namespace paracord
