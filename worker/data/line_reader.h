// The lines of a text file, one after the other, numbered from 1; "\n" and "\r\n" both end one. A
// byte-order mark at the start is skipped. The last line needs no end. A line over 64 MiB is
// InvalidArgument: that is no text. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/data/source_file.h"

namespace paracord {

class LineReader {
 public:
  explicit LineReader(SourceFile& file) : file_(file) {}

  // The next line without its end, to `line`; false at the end of the file.
  absl::StatusOr<bool> Next(std::string* line);
  // Of the line that Next gave last.
  uint64_t number() const { return number_; }
  // InvalidArgument "PATH: line N: what".
  absl::Status Error(const std::string& what) const;

 private:
  absl::Status Fill();

  SourceFile& file_;
  uint64_t number_ = 0;
  std::vector<char> chunk_;
  size_t begin_ = 0, end_ = 0;  // of what is left in chunk_
};

}  // namespace paracord
