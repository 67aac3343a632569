#include "scheduler/cli/command_line.h"

int main(int argc, char** argv) { return paracord::RunCommandLine(argc, argv); }
