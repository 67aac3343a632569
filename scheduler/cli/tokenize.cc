#include <filesystem>

#include "absl/strings/str_format.h"
#include "common/base/daemon.h"
#include "common/base/status.h"
#include "common/job/learn_vocabulary.h"
#include "scheduler/cli/text_input.h"
#include "scheduler/cli/verbs.h"

namespace paracord {
namespace {

absl::StatusOr<Vocabulary> LearnFrom(const TokenizeArguments& arguments,
                                     VocabularyLearner* learner) {
  RETURN_IF_ERROR(CheckNotRead(arguments.file, arguments.inputs));
  for (const std::string& input : arguments.inputs) {
    ASSIGN_OR_RETURN(const std::string text, ReadText(input));
    learner->Add(text);
  }
  ASSIGN_OR_RETURN(Vocabulary vocabulary, learner->Learn(arguments.tokens));
  std::error_code error;
  const auto status = std::filesystem::status(arguments.file, error);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    return absl::InvalidArgumentError(
        absl::StrCat(arguments.file, ": found something that is no file; nothing was written"));
  }
  const absl::Status written = WriteFileAtomically(arguments.file, vocabulary.Text());
  if (!written.ok()) return absl::UnknownError(written.message());
  return vocabulary;
}

}  // namespace

int RunTokenize(const Context& context, const TokenizeArguments& arguments) {
  VocabularyLearner learner;
  const auto vocabulary = LearnFrom(arguments, &learner);
  if (!vocabulary.ok()) return Fail(context, vocabulary.status());
  const uint64_t bytes = learner.bytes(), tokens = learner.CountTokens(*vocabulary);
  if (context.json) {
    PrintJson(context, {{"file", arguments.file},
                        {"vocabulary", vocabulary->size()},
                        {"text_bytes", bytes},
                        {"text_tokens", tokens}});
  } else {
    const double each = tokens > 0 ? static_cast<double>(bytes) / static_cast<double>(tokens) : 0;
    context.out << arguments.file << ": " << vocabulary->size() << " tokens; the text's " << bytes
                << " bytes are " << tokens << " of them, "
                << absl::StrFormat("%.2f bytes each", each) << std::endl;
  }
  return kOk;
}

}  // namespace paracord
