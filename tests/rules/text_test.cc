#include <catch2/catch.hpp>
#include <regex>

#include "tests/rules/source_tree.h"

namespace paracord {
namespace {

constexpr size_t kMostLines = 400;

TEST_CASE("every header begins with what it is for, and is guarded by pragma once") {
  std::vector<std::string> wrong;
  size_t headers = 0;
  for (const SourceFile& file : ThisTree()) {
    if (!IsHeader(file)) continue;
    ++headers;
    if (!StartsWith(file.text, "// "))
      wrong.push_back(file.path + ": does not begin with a comment");
    const std::vector<std::string> lines = Lines(file.text);
    const auto guards = std::count(lines.begin(), lines.end(), "#pragma once");
    if (guards != 1)
      wrong.push_back(file.path + ": #pragma once stands there " + std::to_string(guards));
  }
  CHECK(headers > 100);
  CHECK(Listed(wrong) == "");
}

TEST_CASE("no file is longer than 400 lines") {
  std::vector<std::string> wrong;
  for (const SourceFile& file : ThisTree()) {
    const size_t lines = Lines(file.text).size();
    if (lines > kMostLines) wrong.push_back(file.path + ": " + std::to_string(lines) + " lines");
  }
  CHECK(Listed(wrong) == "");
}

TEST_CASE("nothing is put off in a comment") {
  const std::regex put_off(std::string("\\b(TO") + "DO|FIX" + "ME|HA" + "CK)\\b");
  std::vector<std::string> wrong;
  for (const SourceFile& file : ThisTree()) {
    size_t number = 0;
    for (const std::string& line : Lines(file.text)) {
      ++number;
      if (std::regex_search(line, put_off)) {
        wrong.push_back(file.path + ":" + std::to_string(number) + ": " + line);
      }
    }
  }
  CHECK(Listed(wrong) == "");
}

TEST_CASE("no class or file is called Manager, Helper, Util or Impl") {
  const std::regex type("^\\s*(class|struct)\\s+\\w*(Manager|Helper|Util|Utils|Impl)\\b");
  const std::regex name("(^|.*[/_])(manager|helper|helpers|util|utils|impl)(_|\\.).*");
  std::vector<std::string> wrong;
  for (const SourceFile& file : ThisTree()) {
    if (!IsCpp(file)) continue;
    if (std::regex_match(file.path, name)) wrong.push_back(file.path);
    for (const std::string& line : Lines(file.text)) {
      if (std::regex_search(line, type)) wrong.push_back(file.path + ": " + line);
    }
  }
  CHECK(Listed(wrong) == "");
}

TEST_CASE("the main of each daemon is one call of RunDaemon") {
  for (const char* daemon : {"server", "scheduler", "worker"}) {
    const SourceFile* main = FindFile(ThisTree(), std::string(daemon) + "/main.cc");
    REQUIRE(main != nullptr);
    INFO(main->path);
    CHECK(Lines(main->text).size() <= 20);
    CHECK(main->text.find("return paracord::RunDaemon<paracord::") != std::string::npos);
  }
}

}  // namespace
}  // namespace paracord
