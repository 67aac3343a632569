#include "common/base/config.h"

#include <catch2/catch.hpp>

#include "common/base/units.h"
#include "common/base/yaml_tree.h"
#include "common/base/yaml_write.h"

namespace paracord {
namespace {

std::vector<std::string> Strings(const std::vector<ConfigError>& errors) {
  std::vector<std::string> strings;
  for (const ConfigError& error : errors) strings.push_back(ErrorString(error));
  return strings;
}

using Lines = std::vector<std::string>;

std::string Broken(const std::string& text) {
  const ConfigReader reader(text);
  CHECK(reader.root().Integer("missing", 7, {}) == 7);
  reader.root().String("required");
  const std::vector<ConfigError> errors = reader.errors();
  REQUIRE(errors.size() == 1);  // and none about what could not be read
  return ErrorString(errors[0]);
}

TEST_CASE("values are read as their kind, and missing ones are answered with the default") {
  const ConfigReader reader(
      "bind: 127.0.0.1:0\nshards: 4\nlr: 1e-3\non: true\nmode: fast\n"
      "budget: 8Gi\nlease: 500ms\nlist: [a, 2, 0.5]\n");
  const ConfigNode root = reader.root();
  CHECK(root.String("bind") == "127.0.0.1:0");
  CHECK(root.Integer("shards", 1, {1, 64}) == 4);
  CHECK(root.Number("lr", 0) == 1e-3);
  CHECK(root.Bool("on", false));
  CHECK(root.Choice("mode", 0, {"slow", "fast"}) == 1);
  CHECK(root.Bytes("budget", 0) == uint64_t{8} << 30);
  CHECK(root.Nanoseconds("lease", 0) == 500'000'000);
  const std::vector<ConfigNode> items = root.Child("list").Items();
  REQUIRE(items.size() == 3);
  CHECK(items[0].AsString() == "a");
  CHECK(items[1].AsInteger() == 2);
  CHECK(items[2].AsNumber() == 0.5);
  CHECK(root.String("name", "none") == "none");
  CHECK(root.Child("deep").Child("deeper").Integer("n", 3, {}) == 3);
  root.Finish();
  CHECK(Strings(reader.errors()) == Lines{});
}

TEST_CASE("every error is reported at once, by line, with what was found and expected") {
  const ConfigReader reader(
      "shards: 65\n"
      "bind: [a]\n"
      "lease: 5 parsecs\n"
      "mode: fsat\n"
      "on: yes\n"
      "sahrds: 3\n");
  const ConfigNode root = reader.root();
  CHECK_FALSE(root.Bool("on", false));
  CHECK(root.Choice("mode", 0, {"slow", "fast"}) == 0);
  CHECK(root.Integer("shards", 1, {1, 64}) == 1);
  CHECK(root.String("bind", "x") == "x");
  CHECK(root.Nanoseconds("lease", 9) == 9);
  root.Finish();
  CHECK(
      Strings(reader.errors()) ==
      Lines{
          "line 1: shards: found '65'; expected a whole number from 1 to 64",
          "line 2: bind: found a list of 1; expected text",
          "line 3: lease: found '5 parsecs'; expected a duration with its unit, as in 500ms or 12h",
          "line 4: mode: found 'fsat'; expected one of slow, fast; did you mean 'fast'?",
          "line 5: on: found 'yes'; expected true or false",
          "line 6: sahrds: unknown key; did you mean 'shards'?"});
}

TEST_CASE("a missing section is reported once, however much of it is asked for") {
  const ConfigReader reader("name: x\n");
  const ConfigNode train = reader.root().Child("train");
  train.Integer("batch_size");
  train.Child("optimizer").String("kind");
  CHECK(train.Child("optimizer").Child("lr").faulty());
  CHECK(Strings(reader.errors()) == Lines{"line 1: train: missing; expected a map"});
}

TEST_CASE("a section of the wrong kind is reported once, also if nothing in it is required") {
  const ConfigReader reader("train: 5\n");
  const ConfigNode train = reader.root().Child("train");
  CHECK(train.Integer("epochs", 2, {}) == 2);
  train.Child("optimizer").String("kind");
  CHECK(Strings(reader.errors()) == Lines{"line 1: train: found '5'; expected a map"});
}

TEST_CASE("numbers are finite, unquoted and within their bounds") {
  for (const char* bad :
       {".nan", "nan", ".inf", "-inf", "1e999", "\"5\"", "five", "~", "0x10", "1"}) {
    INFO(bad);
    const ConfigReader reader(std::string("n: ") + bad);
    CHECK(reader.root().Number("n", 7, {.low = 0, .high = 1, .below_high = true}) == 7);
    CHECK(reader.errors().size() == 1);
  }
  for (const char* bad : {"1.0", "1e3", "99999999999999999999", "- 1", "0"}) {
    INFO(bad);
    const ConfigReader reader(std::string("n: ") + bad);
    reader.root().Integer("n", 7, {.low = 0, .above_low = true});
    CHECK(reader.errors().size() == 1);
  }
}

TEST_CASE("an empty document is an empty map") {
  for (const char* text : {"", "\n\n", "# only a comment\n", "---\n"}) {
    const ConfigReader reader(text);
    CHECK(reader.root().Integer("n", 3, {}) == 3);
    reader.root().Finish();
    CHECK(Strings(reader.errors()) == Lines{});
  }
}

TEST_CASE("a key that is there twice is an error, and the first value counts") {
  const ConfigReader reader("a: 1\nb: 2\na: {x: 3}\n");
  CHECK(reader.root().Integer("a") == 1);
  CHECK(Strings(reader.errors()) ==
        Lines{"line 3: the key 'a' is here twice; it was set in line 1"});
}

TEST_CASE("broken YAML is one error with its line") {
  CHECK(Broken("a: 1\nb: [1, 2\n").rfind("line 3: broken YAML", 0) == 0);
  CHECK(Broken("a: 1\n  b: 2\n").rfind("line 2: broken YAML", 0) == 0);
  for (const char* text : {"a: \"b\nc: 1", "a: 'b\nc: 1", "a: \"b"}) {
    CHECK(Broken(text).find("broken YAML: a quote is never closed") != std::string::npos);
  }
  CHECK(Broken("a: 1\nb: *nobody\n").rfind("line 2: broken YAML", 0) == 0);
  CHECK(Broken("a: 1\n---\nb: 2\n").find("a second document") != std::string::npos);
  CHECK(Broken("a: 1\n[b]: 2\n").find("a key that is no word") != std::string::npos);
  CHECK(Broken("a: 1\nb: !!int 2\n").find("line 2: the tag") == 0);
  CHECK(Broken("a: 1\nb: \x04").find("line 2: found the control character 0x04") == 0);
}

TEST_CASE("a hostile file is refused before it grows or recurses") {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 9; ++j) bomb += last + ", ";
    bomb += last + "]\n";
  }
  CHECK(Broken(bomb).find("too much for a configuration") != std::string::npos);

  std::string ladder = "a0: &a0 [x]\n";
  for (int i = 1; i < 300; ++i) {
    ladder += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" +
              std::to_string(i - 1) + "]\n";
  }
  CHECK(Broken(ladder).find("too much for a configuration") != std::string::npos);

  std::string long_text = "a: &a " + std::string(100'000, 'x') + "\nb: [";
  for (int i = 0; i < 20; ++i) long_text += "*a, ";
  CHECK(Broken(long_text + "*a]\n").find("too much for a configuration") != std::string::npos);

  CHECK(Broken(std::string(150, '[') + std::string(150, ']')).find("too much") !=
        std::string::npos);
  CHECK(Broken(std::string(100'000, '[')) != "");
  CHECK(Broken(std::string(100'000, '{')) != "");
  CHECK(Broken("a: &a [*a]\n").find("an alias inside the value it stands for") !=
        std::string::npos);
  CHECK(Broken(std::string(2 << 20, '#')).find("expected at most") != std::string::npos);
}

TEST_CASE("an alias stands for its value") {
  const ConfigReader reader("a: &x {n: 5}\nb: *x\n");
  CHECK(reader.root().Child("b").Integer("n") == 5);
  CHECK(reader.errors().empty());
}

TEST_CASE("the nearest word is proposed only if it is near") {
  const std::vector<std::string> known = {"batch_size", "epochs", "lr", "relu", "optimizer"};
  CHECK(Nearest("batchsize", known) == "batch_size");
  CHECK(Nearest("batch-size", known) == "batch_size");
  CHECK(Nearest("epoch", known) == "epochs");
  CHECK(Nearest("epcohs", known) == "epochs");
  CHECK(Nearest("ReLU", known) == "relu");
  CHECK(Nearest("optimiser", known) == "optimizer");
  CHECK(Nearest("colour", known) == "");
  CHECK(Nearest("x", known) == "");
  CHECK(Nearest("", known) == "");
  CHECK(Nearest(std::string(1'000'000, 'b'), known) == "");
}

TEST_CASE("bytes are told in the largest unit that leaves a whole one") {
  CHECK(FormatBytes(0) == "0 bytes");
  CHECK(FormatBytes(1023) == "1023 bytes");
  CHECK(FormatBytes(1024) == "1.0 KiB");
  CHECK(FormatBytes(uint64_t{3} << 29) == "1.5 GiB");
  CHECK(FormatBytes(~uint64_t{0}) == "16384.0 PiB");
}

TEST_CASE("sizes and durations carry their units") {
  CHECK(ParseBytes("1024") == 1024u);
  CHECK(ParseBytes("8Gi") == uint64_t{8} << 30);
  CHECK(ParseBytes("8GiB") == uint64_t{8} << 30);
  CHECK(ParseBytes("150 MB") == 150'000'000u);
  CHECK(ParseBytes("1.5 KiB") == 1536u);
  CHECK(ParseBytes("9007199254740993") == 9007199254740993u);
  CHECK(ParseNanoseconds("2 s") == 2'000'000'000);
  CHECK(ParseNanoseconds("12h") == 43'200'000'000'000);
  CHECK(ParseNanoseconds("1.5min") == 90'000'000'000);
  CHECK(ParseNanoseconds("0") == 0);
  for (const char* bad : {"", "Gi", "-1", "-1Gi", "1.2.3", "1 Xi", "1e3", "9999999Ti", "nan",
                          "99999999999999999999"}) {
    INFO(bad);
    CHECK(ParseBytes(bad) == std::nullopt);
  }
  for (const char* bad : {"", "5", "5 parsecs", "-5s", "s", "99999999999 d", "inf s", "1s 2s"}) {
    INFO(bad);
    CHECK(ParseNanoseconds(bad) == std::nullopt);
  }
}

std::string Set(const std::string& text, const Lines& overrides) {
  std::vector<ConfigError> errors;
  const std::string result = SetConfigValues(text, overrides, &errors);
  INFO(text);
  CHECK(Strings(errors) == Lines{});
  return result;
}

TEST_CASE("without overrides the text comes back as it is") {
  CHECK(Set("a:   1 # why\n", {}) == "a:   1 # why\n");
}

TEST_CASE("an override changes its value, and every other value keeps its line") {
  const std::string text =
      "# a comment\n\nname: x\ntrain:\n  batch_size: 1   # small\n  optimizer:\n    lr: 0.1\n"
      "layers:\n  - relu\n  - {linear: 5}\nlast: \"7\"\n";
  const std::string changed =
      Set(text, {"train.batch_size=64", "train.optimizer.schedule={step: {every: 3}}",
                 "layers.1.linear=9", "train.optimizer.lr=0.2", "new.deep=[1, two]", "name=null"});
  const ConfigReader reader(changed);
  const ConfigNode root = reader.root();
  const ConfigNode train = root.Child("train");
  CHECK(train.Integer("batch_size") == 64);
  CHECK(train.Child("batch_size").line() == 5);
  CHECK(train.Child("optimizer").Number("lr", 0) == 0.2);
  CHECK(train.Child("optimizer").Child("lr").line() == 7);
  CHECK(train.Child("optimizer").Child("schedule").Child("step").Integer("every") == 3);
  CHECK(root.Child("layers").Items()[1].Integer("linear") == 9);
  CHECK(root.Child("layers").Items()[1].line() == 10);
  CHECK(root.Child("new").Child("deep").Items()[1].AsString() == "two");
  CHECK_FALSE(root.Has("name"));
  CHECK(root.Child("last").line() == 11);
  root.Child("last").AsInteger();  // still text
  CHECK(Strings(reader.errors()) == Lines{"line 11: last: found \"7\"; expected a whole number"});
}

TEST_CASE("wrong overrides are reported by what was asked for, and the text stays") {
  std::vector<ConfigError> errors;
  const std::string text = "a: 1\nlist: [x]\n";
  const Lines overrides = {"a.b=1", "list.1=y", "list.z=y", "nothing",
                           "=3",    "a..b=1",   "a=[1",     "b=1"};
  CHECK(SetConfigValues(text, overrides, &errors) == text);
  REQUIRE(errors.size() == 7);
  for (size_t i = 0; i < errors.size(); ++i) {
    CHECK(errors[i].line == 0);
    CHECK(errors[i].path == "--set " + overrides[i]);
  }
  CHECK(errors[0].message == "nothing can be set below '1'");
  CHECK(errors[1].message == "'1' does not count to an item of a list of 1");
}

TEST_CASE("what is written reads back as the same tree, whatever is in its words") {
  const std::string text =
      "plain: a b-c/d.e\nnumber: -1.5e-3\nquoted: \"true\"\nodd: \"x: y, [z] # \\\"q\\\" \\\\ "
      "\\t\\n\"\n"
      "'': empty key\n\"two\\nlines\": ~\nutf: \"\xC3\xA9\"\nlist: [[], {}, null, '', '~', "
      "\"null\", -x, ...x]\n"
      "block: |\n  one\n   two\n";
  std::vector<YamlError> errors;
  const auto first = ReadYaml(text, &errors);
  REQUIRE(first);
  const std::string written = WriteYaml(*first);
  INFO(written);
  const auto second = ReadYaml(written, &errors);
  REQUIRE(second);
  CHECK(WriteYaml(*second) == written);
  CHECK(second->Find("odd")->text == "x: y, [z] # \"q\" \\ \t\n");
  CHECK(second->Find("block")->text == "one\n two\n");
  CHECK(second->Find("two\nlines")->kind == YamlValue::Kind::kNull);
  CHECK(second->Find("list")->children.size() == 8);
  CHECK(second->Find("block")->line == first->Find("block")->line);
}

}  // namespace
}  // namespace paracord
