#include "worker/predict_process.h"

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <iterator>
#include <map>
#include <string>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "common/base/whole_file.h"
#include "worker/memory_guard.h"
#include "worker/predict.h"
#include "worker/text_generator.h"

namespace paracord {
namespace {

using Words = std::map<std::string, std::string>;

absl::StatusOr<std::string> WriteText(const TrainedModel& trained, Words words) {
  GenerateRequest request;
  request.prompt = words["prompt"];
  if (!absl::SimpleAtoi(words["tokens"], &request.tokens) ||
      !absl::SimpleAtod(words["temperature"], &request.temperature) ||
      !absl::SimpleAtoi(words["top_k"], &request.top_k) ||
      !absl::SimpleAtoi(words["seed"], &request.seed)) {
    return absl::InvalidArgumentError("expected numbers for tokens, temperature, top_k and seed");
  }
  ASSIGN_OR_RETURN(const auto vocabulary, OpenVocabulary(trained.spec().train));
  if (vocabulary->size() != trained.spec().model.classes()) {
    return absl::InvalidArgumentError(absl::StrCat("found a vocabulary of ", vocabulary->size(),
                                                   " tokens; the model expects ",
                                                   trained.spec().model.classes()));
  }
  return Generate(trained, *vocabulary, request);
}

absl::StatusOr<std::string> Answer(const std::string& yaml, Words words) {
  int threads = 0;
  if (!absl::SimpleAtoi(words["threads"], &threads) || threads < 1 || words["weights"].empty()) {
    return absl::InvalidArgumentError("--predict is for 'paracord predict'");
  }
  ASSIGN_OR_RETURN(const JobSpec spec, ParseJobOrStatus(yaml, words["directory"]));
  ASSIGN_OR_RETURN(const auto trained, TrainedModel::Open(spec, words["weights"]));
  if (words.contains("prompt")) return WriteText(*trained, std::move(words));
  PredictRequest request = {words["input"], words["out"], words["logits"] == "1", threads};
  request.workers = absl::StrSplit(words["workers"], ',', absl::SkipEmpty());
  request.model = {yaml, words["weights"], trained->compute_class()};
  ASSIGN_OR_RETURN(const Predicted told, Predict(*trained, request));
  for (const std::string& note : told.notes) std::cerr << note << "\n";
  return absl::StrCat("samples ", told.samples, " workers ", told.workers, "\n");
}

// Ended by a signal, this process leaves no part of its file behind. Before there are threads.
void TidyOnSignal(const std::string& out) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals, temporary = WholeFile::TemporaryPath(out)] {
    int signal = 0;
    sigwait(&signals, &signal);
    std::remove(temporary.c_str());
    _exit(128 + signal);
  }).detach();
}

}  // namespace

int RunPredictProcess(int argc, char** argv) {
  SetLogLevel(LogLevel::kError);
  Words words;
  for (int i = 2; i < argc; ++i) {
    const std::string word = argv[i];
    const size_t equals = word.find('=');
    if (equals != std::string::npos) words[word.substr(0, equals)] = word.substr(equals + 1);
  }
  if (!words["out"].empty()) TidyOnSignal(words["out"]);
  const std::string yaml(std::istreambuf_iterator<char>(std::cin), {});
  const auto answer = NameOutOfMemory([] { return "making room for the model and the samples"; },
                                      [&] { return Answer(yaml, std::move(words)); });
  if (answer.ok()) {
    std::cout << *answer << std::flush;
    return 0;
  }
  std::cerr << answer.status().message() << "\n";
  const bool given = absl::IsInvalidArgument(answer.status()) || absl::IsNotFound(answer.status());
  return given ? 2 : 1;
}

}  // namespace paracord
