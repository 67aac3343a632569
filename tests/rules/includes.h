// Which file includes what: read from text, so that a rule can be tried on files that do not exist.
#pragma once

#include <regex>
#include <string>
#include <vector>

#include "tests/rules/source_tree.h"

namespace paracord {

struct Include {
  std::string file;  // who
  int line = 0;      // 1-based
  std::string path;  // what, without quotes
  bool quoted = false;

  std::string Where() const { return file + ":" + std::to_string(line) + ": includes " + path; }
};

inline std::vector<Include> IncludesOf(const SourceFile& file) {
  static const auto& form = *new std::regex("^\\s*#\\s*include\\s*([<\"])([^>\"]+)[>\"]");
  std::vector<Include> includes;
  int number = 0;
  for (const std::string& line : Lines(file.text)) {
    ++number;
    std::smatch match;
    if (!std::regex_search(line, match, form)) continue;
    includes.push_back({file.path, number, match[2], match[1] == "\""});
  }
  return includes;
}

inline std::vector<Include> AllIncludes(const SourceTree& tree) {
  std::vector<Include> all;
  for (const SourceFile& file : tree) {
    if (!IsCpp(file)) continue;
    for (Include& include : IncludesOf(file)) all.push_back(std::move(include));
  }
  return all;
}

}  // namespace paracord
