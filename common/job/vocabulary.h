// Text as tokens: byte pairs merged by rank (BPE). Tokens 0 to 255 are the bytes, token 256 + r is
// the r-th merge, two earlier tokens in one; what a model reads and predicts are these numbers.
//
//   paracord-vocabulary 1          what it is, version
//   tokens 512                     of all; one line follows for each above 255
//   101 32                         token 256 is token 101, then token 32: "e "
//   116 104                        token 257: "th"
//   ...
//
// Encoding takes each chunk of the text (text_chunk.h) and merges the pair of the lowest rank, the
// leftmost first, as long as there is one; decoding puts the tokens' bytes side by side, and is its
// exact inverse for any bytes. Without merges a token is a byte. Immutable, any thread.
//
// Source: Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", ACL 2016,
// section 3.2.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/job/text_chunk.h"

namespace paracord {

class Vocabulary {
 public:
  using Merge = std::pair<uint32_t, uint32_t>;  // tokens, left and right
  static constexpr size_t kBytes = 256;
  static constexpr size_t kMostTokens = 1 << 16;
  static constexpr size_t kMostTextBytes = 1 << 20;  // of a file; more than any has

  Vocabulary();  // of bytes alone

  // InvalidArgument: more than kMostTokens; a merge of tokens that are not there yet, of a pair a
  // second time, or of more than kMostChunkBytes. Says which.
  static absl::StatusOr<Vocabulary> Make(const std::vector<Merge>& merges);
  // What Text gave; InvalidArgument names the line. Safe for any bytes.
  static absl::StatusOr<Vocabulary> Parse(std::string_view text);
  std::string Text() const;

  size_t size() const { return ends_.size(); }  // tokens
  std::vector<uint16_t> Encode(std::string_view text) const;
  // InvalidArgument: a token that it has not.
  absl::StatusOr<std::string> Decode(const std::vector<uint16_t>& tokens) const;
  // What `token`, below size(), stands for.
  std::string_view BytesOf(uint32_t token) const;

 private:
  // Of a table of pairs: which token the pair is merged to; `token` 0: the place is free.
  struct Place {
    uint32_t pair = 0;
    uint32_t token = 0;
  };

  static uint32_t PairOf(uint32_t left, uint32_t right) { return left << 16 | right; }
  size_t PlaceOf(uint32_t pair) const;  // where it is, or would be
  // The token of two; kNone: they stay apart.
  uint32_t MergeOf(uint32_t left, uint32_t right) const;
  absl::Status Add(const Merge& merge);
  void EncodeChunk(std::string_view chunk, std::vector<uint16_t>* tokens) const;

  static constexpr uint32_t kNone = ~uint32_t{0};

  std::vector<Merge> merges_;
  std::string bytes_;           // of all tokens, one after the other
  std::vector<uint32_t> ends_;  // in bytes_, of each token
  std::vector<Place> table_;    // a power of two of them, half free
};

}  // namespace paracord
