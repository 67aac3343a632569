#include <string>

#include "common/base/daemon.h"
#include "server/copy_check.h"
#include "server/server.h"

int main(int argc, char** argv) {
  const std::string first = argc > 1 ? argv[1] : "";
  if (first == "--check-init") return paracord::RunInitCheck(argc, argv);
  return paracord::RunDaemon<paracord::Server>(argc, argv);
}
