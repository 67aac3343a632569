// Puts pieces of several tasks' logs together into whole lines, so that lines of different tasks
// never mix.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

namespace paracord {

class LogLines {
 public:
  // `print` gets each line without its end.
  using Print = std::function<void(uint32_t rank, const std::string& line)>;
  explicit LogLines(Print print) : print_(std::move(print)) {}

  // The next piece of `rank`'s log; a line is printed when its end has come.
  void Add(uint32_t rank, const std::string& piece);
  // Prints what has no end.
  void Flush();

 private:
  Print print_;
  std::map<uint32_t, std::string> open_;
};

}  // namespace paracord
