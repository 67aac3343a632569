// Rows of text in aligned columns, for people. Numbers are aligned as words are: to the left.
#pragma once

#include <string>
#include <vector>

namespace paracord {

class TextTable {
 public:
  explicit TextTable(std::vector<std::string> headings) : rows_{std::move(headings)} {}
  // As many cells as there are headings. An empty cell is printed as "-".
  void Add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  // One line a row, the headings first; two spaces between columns, none at the end of a line.
  std::string Text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace paracord
