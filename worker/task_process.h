// The process of one task, as task_keeper starts it: `paracord-worker --task job=ID rank=N
// incarnation=N scheduler=HOST:PORT ...`.
#pragma once

namespace paracord {

// When an allocation fails where nobody can tell the scheduler of it: as errno's ENOMEM.
inline constexpr int kOutOfMemoryExit = 12;

// Exit: 0 done, stopped or not wanted any more; 1 failed, as the log's last line says; 2 usage;
// kOutOfMemoryExit. SIGTERM: finishes pushing its step.
int RunTaskProcess(int argc, char** argv);

}  // namespace paracord
