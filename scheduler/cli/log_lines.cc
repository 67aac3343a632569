#include "scheduler/cli/log_lines.h"

namespace paracord {

void LogLines::Add(uint32_t rank, const std::string& piece) {
  std::string& open = open_[rank];
  open += piece;
  size_t begin = 0;
  for (size_t end; (end = open.find('\n', begin)) != std::string::npos; begin = end + 1) {
    print_(rank, open.substr(begin, end - begin));
  }
  open.erase(0, begin);
}

void LogLines::Flush() {
  for (auto& [rank, open] : open_) {
    if (!open.empty()) print_(rank, open);
    open.clear();
  }
}

}  // namespace paracord
