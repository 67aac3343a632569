// A job file on its way into a cluster: read, overridden, parsed, and its data checked by this
// host's worker program. Every error at once. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/job/job_spec.h"
#include "scheduler/cli/context.h"

namespace paracord {

struct CheckedJob {
  std::string text;       // effective YAML
  std::string directory;  // absolute; what its paths are relative to
  JobSpec spec;
  uint64_t steps = 0;  // of the whole job; 0: not known (by epochs, and no data check was made)
  std::vector<ConfigError> errors;  // empty: good
  std::vector<std::string> notes;   // what could not be checked, and why
};

// `path`: the job file. `worker_program`: run as "PROGRAM --check-data - --directory DIR" with the
// text on its input; it prints errors one a line on stderr ("line 7: data.train: ...") and exits
// with 2 if the data are bad, else "steps N" among other things on stdout, and 0. If it is not
// there, that is a note.
CheckedJob CheckJobFile(const std::string& path, const std::vector<std::string>& overrides,
                        const std::string& worker_program);

// The worker program that belongs to this command.
std::string WorkerProgram();

// "FILE:LINE: train.batchsize: unknown key", for each error; notes before. To `err`.
void PrintProblems(const Context& context, const std::string& path, const CheckedJob& job);

}  // namespace paracord
