#include "worker/text_vocabulary.h"

namespace paracord {
namespace {

// Each byte is a token.
class Bytes : public TextVocabulary {
 public:
  int64_t size() const override { return 256; }
  std::vector<int64_t> Encode(std::string_view text) const override {
    std::vector<int64_t> tokens;
    for (const char c : text) tokens.push_back(static_cast<unsigned char>(c));
    return tokens;
  }
  std::string Decode(const std::vector<int64_t>& tokens) const override {
    std::string text;
    for (const int64_t token : tokens) text += static_cast<char>(token);
    return text;
  }
};

}  // namespace

absl::StatusOr<std::unique_ptr<TextVocabulary>> OpenVocabulary(const DatasetSpec& train) {
  if (train.format == DatasetSpec::Format::kText) return std::make_unique<Bytes>();
  return absl::InvalidArgumentError(
      "found a job whose data are no text; expected data.train of format text for a prompt");
}

}  // namespace paracord
