// Runs another program to its end: text in, what it prints out. Blocks; one thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace paracord {

struct ProgramResult {
  int exit = 0;  // exit code; a signal as 128 + number
  std::string output;
  std::string errors;
};
// `command`: path of the program and its arguments. NotFound: it is not there, or is no program.
absl::StatusOr<ProgramResult> RunProgram(const std::vector<std::string>& command,
                                         const std::string& input);

}  // namespace paracord
