// The process of one task, as task_keeper starts it: `paracord-worker --task job=ID rank=N
// incarnation=N scheduler=HOST:PORT ...`.
#pragma once

namespace paracord {

// Exit: 0 done, stopped or not wanted any more; 1 failed, as the log's last line says; 2 usage.
// SIGTERM: finishes pushing its step.
int RunTaskProcess(int argc, char** argv);

}  // namespace paracord
