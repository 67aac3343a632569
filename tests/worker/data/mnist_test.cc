#include <cstdlib>
#include <filesystem>

#include "tests/worker/data/data_files.h"

namespace paracord {
namespace {

// $PARACORD_DATA/mnist, else the folder `shared/data/mnist` beside the checkout that this was
// compiled from; "" if neither.
std::string MnistFolder() {
  namespace fs = std::filesystem;
  const char* given = std::getenv("PARACORD_DATA");
  const fs::path checkout = fs::path(__FILE__).parent_path() / "../../..";
  for (const fs::path& folder :
       {fs::path(given != nullptr ? given : "") / "mnist", checkout / "../shared/data/mnist"}) {
    std::error_code ignored;
    if (fs::exists(folder / "train-images-idx3-ubyte.gz", ignored)) return folder.string();
  }
  return "";
}

TEST_CASE("MNIST has its published sizes, and its cache the same values") {
  const std::string folder = MnistFolder();
  if (folder.empty()) {
    WARN("skipped: no mnist in $PARACORD_DATA");
    return;
  }
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
