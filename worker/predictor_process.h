// `paracord-worker --predictor folder=DIR threads=N`, with a socket as its stdin: predicts for the
// worker daemon that has started it, message after message (predict_session.h), until the daemon
// closes the socket.
#pragma once

namespace paracord {

// Exit: 0 the socket was closed; 1 a message could not be answered, 2 wrong command line: why on
// stderr.
int RunPredictorProcess(int argc, char** argv);

}  // namespace paracord
