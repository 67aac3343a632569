#include <zlib.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "common/base/daemon.h"
#include "common/job/learn_vocabulary.h"
#include "scheduler/cli/verbs.h"
#include "tests/support/temporary_directory.h"

namespace paracord {
namespace {

struct Stage {
  TemporaryDirectory directory;
  std::ostringstream out, err;
  Context context{.scheduler = "", .out = out, .err = err};

  std::string Path(const std::string& name) const { return directory.path() + "/" + name; }
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name), std::ios::binary) << text;
    return Path(name);
  }
  std::string WritePacked(const std::string& name, const std::string& text) const {
    const gzFile file = gzopen(Path(name).c_str(), "wb");
    REQUIRE(gzwrite(file, text.data(), static_cast<unsigned>(text.size())) > 0);
    REQUIRE(gzclose(file) == Z_OK);
    return Path(name);
  }
};

constexpr char kText[] = "the cat sat on the mat, the end of the cat";

TEST_CASE("tokenize writes the vocabulary of all its texts, packed or not") {
  Stage stage;
  const std::string plain = stage.Write("a", kText), packed = stage.WritePacked("b.gz", kText);
  CHECK(RunTokenize(stage.context, {{plain, packed}, 266, stage.Path("v")}) == kOk);
  VocabularyLearner learner;
  learner.Add(kText);
  learner.Add(kText);
  CHECK(*ReadFile(stage.Path("v")) == learner.Learn(266)->Text());
  CHECK(stage.out.str().find("/v: 266 tokens; the text's 84 bytes are ") != std::string::npos);
  stage.context.json = true;
  stage.out.str("");
  CHECK(RunTokenize(stage.context, {{plain}, 260, stage.Path("v")}) == kOk);
  const Json json = Json::parse(stage.out.str());
  CHECK(json["vocabulary"] == 260);
  CHECK(json["text_bytes"] == 42);
  CHECK(json["text_tokens"] < 42);
}

TEST_CASE("tokenize says what is wrong with a text, and writes nothing") {
  Stage stage;
  const std::string good = stage.Write("a", kText);
  const auto refused = [&](const std::string& input, size_t tokens, const std::string& out,
                           const std::string& what) {
    stage.err.str("");
    const int code = RunTokenize(stage.context, {{good, input}, tokens, stage.Path(out)});
    INFO(stage.err.str());
    CHECK(stage.err.str().find(what) != std::string::npos);
    CHECK_FALSE(std::filesystem::is_regular_file(stage.Path(out)));
    return code;
  };
  CHECK(refused(stage.Path("none"), 260, "v", "none: cannot be read") == kUsage);
  CHECK(refused(stage.Path(""), 260, "v", "not a regular file") == kUsage);
  const std::string packed = *ReadFile(stage.WritePacked("b.gz", kText));
  const std::string torn = stage.Write("torn.gz", packed.substr(0, packed.size() - 9));
  CHECK(refused(torn, 260, "v", "torn.gz: torn: the file ends inside its gzip stream") == kUsage);
  std::string damaged = packed;
  damaged[packed.size() - 5] = static_cast<char>(damaged[packed.size() - 5] ^ 1);
  CHECK(refused(stage.Write("c.gz", damaged), 260, "v", "c.gz: cannot be read: ") == kUsage);
  CHECK(refused(good, 255, "v", "expected 256 to 65536") == kUsage);
  CHECK(refused(good, 5000, "v", "expected enough for 5000") == kUsage);
  CHECK(refused(good, 260, "", "found something that is no file") == kUsage);
  CHECK(refused(good, 260, "none/v", "cannot write") == kFailed);
}

}  // namespace
}  // namespace paracord
