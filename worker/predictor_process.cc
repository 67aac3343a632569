#include "worker/predictor_process.h"

#include <unistd.h>

#include <fstream>
#include <iostream>
#include <map>
#include <string>

#include "absl/strings/numbers.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "worker/memory_guard.h"
#include "worker/message_socket.h"
#include "worker/predict_session.h"

namespace paracord {
namespace {

constexpr int kGivesWay = 10;  // to the tasks that train: nice

// When memory runs out, the kernel is to choose this one before a task (500) or the daemon.
void DieBeforeTheTasks() {
  constexpr const char* kScore = "800";  // of 1,000
  std::ofstream("/proc/self/oom_score_adj") << kScore;
}

absl::StatusOr<std::string> Answer(PredictSession& session, const std::string& bytes) {
  pb::PredictRequest request;
  if (!request.ParseFromString(bytes)) {
    return absl::InvalidArgumentError("found a message that is none");
  }
  ASSIGN_OR_RETURN(const pb::PredictReply reply, session.Answer(request));
  return reply.SerializeAsString();
}

absl::Status AnswerAll(PredictSession& session) {
  while (true) {
    const auto request = ReceiveMessage(STDIN_FILENO);
    if (absl::IsUnavailable(request.status())) return absl::OkStatus();
    RETURN_IF_ERROR(request.status());
    const auto reply = NameOutOfMemory([] { return "making room for the model and the samples"; },
                                       [&] { return Answer(session, *request); });
    RETURN_IF_ERROR(reply.status());
    if (!SendMessage(STDIN_FILENO, *reply).ok()) return absl::OkStatus();
  }
}

}  // namespace

int RunPredictorProcess(int argc, char** argv) {
  SetLogLevel(LogLevel::kError);
  std::map<std::string, std::string> words;
  for (int i = 2; i < argc; ++i) {
    const std::string word = argv[i];
    const size_t equals = word.find('=');
    if (equals != std::string::npos) words[word.substr(0, equals)] = word.substr(equals + 1);
  }
  int threads = 0;
  if (words["folder"].empty() || !absl::SimpleAtoi(words["threads"], &threads) || threads < 1) {
    std::cerr << "--predictor is for the worker daemon: expected folder and threads\n";
    return 2;
  }
  DieBeforeTheTasks();
  (void)!nice(kGivesWay);
  PredictSession session(words["folder"], threads);
  const absl::Status status = AnswerAll(session);
  if (status.ok()) return 0;
  std::cerr << Describe(status) << "\n";
  return 1;
}

}  // namespace paracord
