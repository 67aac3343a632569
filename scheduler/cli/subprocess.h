// Runs another program to its end: text in, what it prints out. Blocks; one thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace paracord {

// The folder of the running binary: where its siblings are.
std::string BinaryDirectory();

struct ProgramResult {
  int exit = 0;  // exit code; a signal as 128 + number
  std::string output;
  std::string errors;
};
// `command`: path of the program and its arguments. NotFound: it is not there, or is no program.
absl::StatusOr<ProgramResult> RunProgram(const std::vector<std::string>& command,
                                         const std::string& input);

// For exec and posix_spawn: pointers into `words`, ended by null.
std::vector<char*> ArgumentPointers(const std::vector<std::string>& words);

// A wait status as one number: exit code, or 128 + signal.
int ExitNumber(int wait_status);

}  // namespace paracord
