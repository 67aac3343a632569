#include "scheduler/cli/text_table.h"

#include <algorithm>

namespace paracord {

std::string TextTable::Text() const {
  std::vector<size_t> widths(rows_.front().size(), 1);
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      std::string cell = row[i].empty() ? "-" : row[i];
      cell.resize(std::max(cell.size(), widths[i] + 2), ' ');
      line += cell;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace paracord
