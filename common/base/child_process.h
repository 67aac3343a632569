// Starts another program as a child that dies with its parent.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace paracord {

// `command`: path of the program, then its arguments. Its stdout and stderr are appended to `log`;
// its stdin is `input`, which stays the caller's, or without one this process's. It gets
// `death_signal` when the calling thread dies, so call from a thread that lives as long as the
// process.
absl::StatusOr<pid_t> StartChild(const std::vector<std::string>& command, const std::string& log,
                                 int death_signal,
                                 const std::vector<std::string>& extra_environment = {},
                                 int input = -1);

// `words` as the calls of the system want them: a null pointer at the end. They stay those of
// `words`.
std::vector<char*> ArgumentPointers(const std::vector<std::string>& words);

// A wait status as one number: exit code, or 128 + signal.
int ExitNumber(int wait_status);

// The folder of the running binary: where its siblings are.
std::string BinaryDirectory();

}  // namespace paracord
