#include <catch2/catch.hpp>
#include <regex>
#include <set>

#include "tests/rules/source_tree.h"

namespace paracord {
namespace {

constexpr size_t kOneScreen = 80;

// What stands between backquotes outside of blocks of code.
std::vector<std::string> Quoted(const std::string& markdown) {
  static const auto& form = *new std::regex("`([^`\n]+)`");
  std::vector<std::string> words;
  bool in_block = false;
  for (const std::string& line : Lines(markdown)) {
    if (StartsWith(line, "```")) in_block = !in_block;
    if (in_block) continue;
    for (std::sregex_iterator it(line.begin(), line.end(), form), end; it != end; ++it) {
      words.push_back((*it)[1]);
    }
  }
  return words;
}

// "worker/trainer.cc", not "DIRECTORY/address", "paracord get" or "model.layers".
bool IsSourcePath(const std::string& word) {
  static const auto& form = *new std::regex("[a-z_.]+/[a-z_0-9./-]*");
  if (!std::regex_match(word, form)) return false;
  const std::string first = word.substr(0, word.find('/'));
  return std::find(Rooms().begin(), Rooms().end(), first) != Rooms().end();
}

// From the line "## TITLE" to the next heading of its kind.
std::string Section(const std::string& markdown, const std::string& title) {
  std::string out;
  bool inside = false;
  for (const std::string& line : Lines(markdown)) {
    if (StartsWith(line, "## ")) inside = line == "## " + title;
    if (inside) out += line + "\n";
  }
  return out;
}

// One text a numbered item.
std::vector<std::string> Items(const std::string& section) {
  static const auto& number = *new std::regex("^[0-9]+\\. .*");
  std::vector<std::string> items;
  for (const std::string& line : Lines(section)) {
    if (std::regex_match(line, number)) items.emplace_back();
    if (!items.empty()) items.back() += line + "\n";
  }
  return items;
}

// Folders of the product that hold sources, and those of what belongs to it.
std::set<std::string> Folders() {
  std::set<std::string> folders = {"common", "configs", "deploy", "tests"};
  for (const SourceFile& file : ThisTree()) {
    const bool source = IsCpp(file) || EndsWith(file.path, ".proto");
    if (source && !StartsWith(file.path, "tests/")) {
      folders.insert(file.path.substr(0, file.path.rfind('/')));
    }
  }
  return folders;
}

TEST_CASE("every room has a README of one screen") {
  std::vector<std::string> wrong;
  for (const std::string& folder : Folders()) {
    const SourceFile* readme = FindFile(ThisTree(), folder + "/README.md");
    if (readme == nullptr) {
      wrong.push_back(folder + " has no README.md");
    } else if (Lines(readme->text).size() > kOneScreen) {
      wrong.push_back(readme->path + " is longer than 80 lines");
    }
  }
  CHECK(Listed(wrong) == "");
}

TEST_CASE("every file that a README names is there") {
  std::vector<std::string> wrong;
  for (const SourceFile& file : ThisTree()) {
    if (!EndsWith(file.path, "README.md")) continue;
    for (const std::string& word : Quoted(file.text)) {
      if (word == "configs/jobs/data" || word == "configs/jobs/data/") continue;  // fetched
      if (IsSourcePath(word) && !Names(ThisTree(), word)) wrong.push_back(file.path + ": " + word);
    }
  }
  CHECK(Listed(wrong) == "");
}

TEST_CASE("the path of a gradient names real files, and functions that these files have") {
  const SourceFile* readme = FindFile(ThisTree(), "README.md");
  REQUIRE(readme != nullptr);
  const std::vector<std::string> items = Items(Section(readme->text, "The path of a gradient"));
  REQUIRE(items.size() >= 8);
  static const std::regex function("(?:[A-Za-z]+::)?([A-Z][A-Za-z]+)");
  for (const std::string& item : items) {
    INFO(item);
    std::string code;
    for (const std::string& word : Quoted(item)) {
      if (!IsSourcePath(word)) continue;
      const SourceFile* file = FindFile(ThisTree(), word);
      INFO(word);
      REQUIRE(file != nullptr);
      code += file->text;
    }
    CHECK_FALSE(code.empty());
    for (const std::string& word : Quoted(item)) {
      std::smatch match;
      if (!std::regex_match(word, match, function)) continue;
      INFO(word);
      CHECK(std::regex_search(code, std::regex("\\b" + match[1].str() + "\\b")));
    }
  }
}

TEST_CASE("the map lists every room, and each glossary entry once") {
  const SourceFile* readme = FindFile(ThisTree(), "README.md");
  REQUIRE(readme != nullptr);
  const std::string rooms = Section(readme->text, "The rooms");
  for (const std::string& folder : Folders()) {
    INFO(folder);
    CHECK(rooms.find("`" + folder + "`") != std::string::npos);
  }
  std::multiset<std::string> entries;
  const std::regex entry("^\\| \\*\\*([a-z ]+)\\*\\*.*");
  for (const std::string& line : Lines(Section(readme->text, "Glossary"))) {
    std::smatch match;
    if (std::regex_match(line, match, entry)) entries.insert(match[1]);
  }
  for (const char* word : {"step", "epoch", "rank", "virtual worker", "slice", "block", "shard",
                           "plan", "history", "incarnation", "coverage", "generation"}) {
    INFO(word);
    CHECK(entries.count(word) == 1);
  }
}

}  // namespace
}  // namespace paracord
