#include "common/base/daemon.h"
#include "scheduler/scheduler.h"

int main(int argc, char** argv) { return paracord::RunDaemon<paracord::Scheduler>(argc, argv); }
