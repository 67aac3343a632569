// Learns a vocabulary (vocabulary.h) from text: again and again the pair of neighbours that is
// there most often becomes a token; of equally many the pair with the smaller left token, then the
// smaller right one. Pairs are counted in the text's chunks, so the vocabulary is a function of how
// often each chunk is there: not of the order of texts, nor of the host.
//
// Time: the text's bytes, then for each merge the different chunks that have its pair. Memory: the
// different chunks. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "common/job/vocabulary.h"

namespace paracord {

class VocabularyLearner {
 public:
  // A whole text: no chunk goes on in the next.
  void Add(std::string_view text);
  // Of `tokens` tokens, 256 to Vocabulary::kMostTokens. InvalidArgument if so many cannot be
  // learned: the text has too few pairs that are there twice.
  absl::StatusOr<Vocabulary> Learn(size_t tokens) const;

  uint64_t bytes() const { return bytes_; }  // of all texts
  // All texts, encoded.
  uint64_t CountTokens(const Vocabulary& vocabulary) const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  uint64_t bytes_ = 0;
  std::unordered_map<std::string, uint64_t, Hash, std::equal_to<>> chunks_;  // how often
};

}  // namespace paracord
