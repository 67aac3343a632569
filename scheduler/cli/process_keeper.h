// Keeps child processes alive: starts them, sees them end, starts them again. For a process with
// one thread, which calls Tend whenever a child may have ended (SIGCHLD) and at least every 50 ms.
//
// A child that had run for a second or more is started again at once, and so are the first few
// quick deaths; after that the pause doubles, up to 5 s, so that a broken one does not spin.
// Children get SIGTERM when this process dies.
#pragma once

#include <sys/types.h>

#include <functional>
#include <list>
#include <string>
#include <vector>

#include "common/base/timer.h"

namespace paracord {

struct ProcessSpec {
  std::string name;
  std::vector<std::string> command;  // path of the program, arguments
  std::string log;                   // appended to: its stdout and stderr
  std::function<void()> prepare;     // called before each start; may be empty
};

class ProcessKeeper {
 public:
  ProcessKeeper() = default;
  ProcessKeeper(const ProcessKeeper&) = delete;
  ProcessKeeper& operator=(const ProcessKeeper&) = delete;

  void Start(ProcessSpec spec);
  // Reaps what has ended, starts what is due.
  void Tend();
  // SIGTERM to all whose name begins with `prefix`, SIGKILL after `grace`; returns when they have
  // ended. They are not started again.
  void Stop(const std::string& prefix, Duration grace);
  // 0: not running now, or no such name.
  pid_t pid(const std::string& name) const;

 private:
  struct Process {
    ProcessSpec spec;
    pid_t pid = 0;
    TimePoint started;
    TimePoint due;         // when to start it, if pid is 0
    int quick_deaths = 0;  // in a row
  };

  void Launch(Process& process);
  // Has it ended? Then pid is 0 and the next start is planned.
  void Reap(Process& process);

  std::list<Process> processes_;
};

}  // namespace paracord
