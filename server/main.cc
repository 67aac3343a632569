#include "common/base/daemon.h"
#include "server/server.h"

int main(int argc, char** argv) { return paracord::RunDaemon<paracord::Server>(argc, argv); }
