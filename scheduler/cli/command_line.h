// The `paracord` command: reads the command line and runs one verb.   [door: CLI11]
#pragma once

namespace paracord {

// Returns the process's exit code (see ExitCode in context.h). Wrong usage: a message on stderr,
// kUsage.
int RunCommandLine(int argc, char** argv);

}  // namespace paracord
