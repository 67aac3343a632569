#include "worker/text_vocabulary.h"

#include <utility>

#include "common/base/status.h"
#include "common/job/vocabulary.h"
#include "worker/data/vocabulary_file.h"

namespace paracord {
namespace {

class Tokens : public TextVocabulary {
 public:
  explicit Tokens(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}

  int64_t size() const override { return static_cast<int64_t>(vocabulary_.size()); }
  std::vector<int64_t> Encode(std::string_view text) const override {
    const std::vector<uint16_t> tokens = vocabulary_.Encode(text);
    return {tokens.begin(), tokens.end()};
  }
  std::string Decode(const std::vector<int64_t>& tokens) const override {
    std::string text;
    for (const int64_t token : tokens) text += vocabulary_.BytesOf(static_cast<uint32_t>(token));
    return text;
  }

 private:
  const Vocabulary vocabulary_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<TextVocabulary>> OpenVocabulary(const DatasetSpec& train) {
  if (train.format != DatasetSpec::Format::kText) {
    return absl::InvalidArgumentError(
        "found a job whose data are no text; expected data.train of format text for a prompt");
  }
  if (train.vocabulary.empty()) return std::make_unique<Tokens>(Vocabulary());
  ASSIGN_OR_RETURN(VocabularyFile file, ReadVocabulary(train.vocabulary));
  return std::make_unique<Tokens>(std::move(file.vocabulary));
}

}  // namespace paracord
