#include <map>

#include "tests/fuzz/data_parsers.h"
#include "tests/worker/data/data_files.h"

namespace paracord {
namespace {

// What libFuzzer begins with (tests/fuzz/run), and what it has found at some time.
TEST_CASE("every file of the fuzzers' corpus goes through its parser") {
  const std::map<std::string, void (*)(std::string_view)> parsers = {
      {"cache", fuzz::Cache},
      {"cifar", fuzz::Cifar},
      {"csv", fuzz::Csv},
      {"idx", fuzz::Idx},
      {"image", fuzz::Image},
      {"job", fuzz::Job},
      {"libsvm", fuzz::Libsvm},
      {"npy", fuzz::Npy},
      {"table", fuzz::Table},
      {"text", fuzz::Text},
      {"vocabulary", fuzz::Vocabulary}};
  const std::filesystem::path corpus = PARACORD_SOURCE_DIR "/tests/fuzz/corpus";
  size_t folders = 0;
  for (const auto& folder : std::filesystem::directory_iterator(corpus)) {
    ++folders;
    INFO(folder.path());
    const auto parser = parsers.find(folder.path().filename().string());
    REQUIRE(parser != parsers.end());
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
      parser->second(ReadBytes(file.path().string()));
    }
  }
  CHECK(folders == parsers.size());
}

}  // namespace
}  // namespace paracord
