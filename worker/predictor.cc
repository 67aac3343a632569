#include "worker/predictor.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <filesystem>
#include <vector>

#include "common/base/child_process.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "worker/task_keeper.h"

namespace paracord {
namespace {

constexpr int kTailLines = 5;

}  // namespace

Predictor::~Predictor() {
  End();
  std::error_code ignored;
  std::filesystem::remove_all(options_.folder, ignored);
}

absl::Status Predictor::Start() {
  std::error_code error;
  std::filesystem::create_directories(options_.folder, error);
  if (error) {
    return absl::UnavailableError(absl::StrCat(options_.folder, ": ", error.message()));
  }
  Descriptor child;
  {
    MutexLock lock(mutex_);
    if (interrupted_) return absl::CancelledError("not wanted any more");
    RETURN_IF_ERROR(OpenSocketPair(&socket_, &child));
  }
  const std::vector<std::string> command = {options_.binary, "--predictor",
                                            absl::StrCat("folder=", options_.folder),
                                            absl::StrCat("threads=", options_.threads)};
  std::vector<std::string> environment = {"OMP_NUM_THREADS=1"};
  if (!options_.isa.empty()) environment.push_back("ONEDNN_MAX_CPU_ISA=" + options_.isa);
  ASSIGN_OR_RETURN(pid_, StartChild(command, LogPath(), SIGKILL, environment, child.number()));
  LogInfo("a predictor started, pid ", pid_);
  return absl::OkStatus();
}

absl::StatusOr<pb::PredictReply> Predictor::Answer(const pb::PredictRequest& request) {
  if (!SendMessage(socket_.number(), request.SerializeAsString()).ok()) return LastWords();
  const auto bytes = ReceiveMessage(socket_.number());
  if (!bytes.ok()) return LastWords();
  pb::PredictReply reply;
  if (!reply.ParseFromString(*bytes)) return absl::AbortedError("the predictor's answer is none");
  return reply;
}

void Predictor::Interrupt() {
  MutexLock lock(mutex_);
  interrupted_ = true;
  if (socket_.number() >= 0) shutdown(socket_.number(), SHUT_RDWR);
}

absl::Status Predictor::LastWords() {
  const int exit = End();
  return absl::AbortedError(
      absl::StrCat("the predictor ended with ", exit, ": ", TailOfFile(LogPath(), kTailLines)));
}

int Predictor::End() {
  if (pid_ == 0) return 0;
  {
    MutexLock lock(mutex_);
    socket_.Close();
  }
  int status = 0;
  kill(pid_, SIGKILL);
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
  LogInfo("the predictor of pid ", pid_, " ended with ", ExitNumber(status));
  pid_ = 0;
  return ExitNumber(status);
}

}  // namespace paracord
