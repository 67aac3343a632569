// A child process of the worker daemon that predicts (predictor_process.h), in a folder of its own.
// When this goes, the process has ended and the folder is gone. One thread, but for Interrupt; it
// lives as long as the child, which dies with it.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "proto/worker.pb.h"
#include "worker/message_socket.h"

namespace paracord {

class Predictor {
 public:
  struct Options {
    std::string binary;  // this program
    std::string folder;  // does not exist yet
    std::string isa;     // ONEDNN_MAX_CPU_ISA; empty: what the host has
    int threads = 1;
  };
  explicit Predictor(const Options& options) : options_(options) {}
  ~Predictor();
  Predictor(const Predictor&) = delete;
  Predictor& operator=(const Predictor&) = delete;

  absl::Status Start();
  // Aborted: the child has ended; with its last words.
  absl::StatusOr<pb::PredictReply> Answer(const pb::PredictRequest& request);
  // Ends what the other thread waits for, now and from here on. Any thread.
  void Interrupt();

 private:
  std::string LogPath() const { return options_.folder + "/log"; }
  absl::Status LastWords();
  int End();  // kills and reaps it; how it ended

  const Options options_;
  Mutex mutex_;
  Descriptor socket_;  // this side's; shut down under `mutex_`
  bool interrupted_ ABSL_GUARDED_BY(mutex_) = false;
  pid_t pid_ = 0;
};

}  // namespace paracord
