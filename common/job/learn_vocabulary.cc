#include "common/job/learn_vocabulary.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "common/base/status.h"

namespace paracord {
namespace {

using Merge = Vocabulary::Merge;

// A chunk, as the tokens that it is in by now.
struct Chunk {
  std::vector<uint32_t> tokens;
  uint64_t count;  // of it in the text
};

struct HashMerge {
  size_t operator()(const Merge& pair) const {
    return std::hash<uint64_t>()(uint64_t{pair.first} << 32 | pair.second);
  }
};

// All pairs of neighbours in all chunks, and which is the commonest.
class PairCounts {
 public:
  explicit PairCounts(std::vector<Chunk> chunks) : chunks_(std::move(chunks)) {
    for (size_t i = 0; i < chunks_.size(); ++i) {
      Count(chunks_[i], chunks_[i].count);
      const std::vector<uint32_t>& tokens = chunks_[i].tokens;
      for (size_t at = 0; at + 1 < tokens.size(); ++at) List({tokens[at], tokens[at + 1]}, i);
    }
    Settle();
  }

  // The commonest pair, if it is there at least twice.
  bool Commonest(Merge* pair) {
    while (!best_.empty()) {
      const auto& [count, of] = best_.top();
      if (count == pairs_[of].count) {  // else it has changed since
        *pair = of;
        return count >= 2;
      }
      best_.pop();
    }
    return false;
  }

  // From now on every `pair` is `token`.
  void Replace(const Merge& pair, uint32_t token) {
    const std::vector<size_t> places = std::move(pairs_[pair].chunks);
    for (const size_t i : places) {
      Chunk& chunk = chunks_[i];
      Count(chunk, -chunk.count);
      ReplaceIn(pair, token, &chunk.tokens);
      Count(chunk, chunk.count);
      for (size_t at = 0; at + 1 < chunk.tokens.size(); ++at) {
        const Merge made = {chunk.tokens[at], chunk.tokens[at + 1]};
        if (made.first == token || made.second == token) List(made, i);
      }
    }
    Settle();
  }

 private:
  struct Pair {
    uint64_t count = 0;
    std::vector<size_t> chunks;  // all that have it; some may have it no more
  };
  using Candidate = std::pair<uint64_t, Merge>;
  struct Worse {
    bool operator()(const Candidate& a, const Candidate& b) const {
      return a.first != b.first ? a.first < b.first : a.second > b.second;
    }
  };

  // `count` may be less than zero, modulo 2^64.
  void Count(const Chunk& chunk, uint64_t count) {
    for (size_t at = 0; at + 1 < chunk.tokens.size(); ++at) {
      changes_[{chunk.tokens[at], chunk.tokens[at + 1]}] += count;
    }
  }
  void List(const Merge& pair, size_t chunk) {
    std::vector<size_t>& chunks = pairs_[pair].chunks;
    if (chunks.empty() || chunks.back() != chunk) chunks.push_back(chunk);
  }
  static void ReplaceIn(const Merge& pair, uint32_t token, std::vector<uint32_t>* tokens) {
    size_t to = 0;
    for (size_t from = 0; from < tokens->size(); ++from, ++to) {
      const bool whole = from + 1 < tokens->size() && (*tokens)[from] == pair.first &&
                         (*tokens)[from + 1] == pair.second;
      (*tokens)[to] = whole ? token : (*tokens)[from];
      from += whole ? 1 : 0;
    }
    tokens->resize(to);
  }
  void Settle() {
    for (const auto& [pair, change] : changes_) {
      if (change == 0) continue;
      const uint64_t count = pairs_[pair].count += change;
      if (count > 0) best_.push({count, pair});
    }
    changes_.clear();
  }

  std::vector<Chunk> chunks_;
  std::unordered_map<Merge, Pair, HashMerge> pairs_;
  std::unordered_map<Merge, uint64_t, HashMerge> changes_;  // of counts, not in pairs_ yet
  std::priority_queue<Candidate, std::vector<Candidate>, Worse> best_;  // some are out of date
};

}  // namespace

void VocabularyLearner::Add(std::string_view text) {
  bytes_ += text.size();
  while (!text.empty()) {
    const std::string_view chunk = text.substr(0, ChunkBytes(text));
    text.remove_prefix(chunk.size());
    auto known = chunks_.find(chunk);
    if (known == chunks_.end()) known = chunks_.emplace(chunk, 0).first;
    ++known->second;
  }
}

absl::StatusOr<Vocabulary> VocabularyLearner::Learn(size_t tokens) const {
  if (tokens < Vocabulary::kBytes || tokens > Vocabulary::kMostTokens) {
    return absl::InvalidArgumentError(absl::StrCat("found a vocabulary of ", tokens,
                                                   " tokens; expected ", Vocabulary::kBytes, " to ",
                                                   Vocabulary::kMostTokens));
  }
  std::vector<Chunk> chunks;
  for (const auto& [text, count] : chunks_) {
    Chunk chunk{{}, count};
    for (const char byte : text) chunk.tokens.push_back(static_cast<unsigned char>(byte));
    chunks.push_back(std::move(chunk));
  }
  PairCounts pairs(std::move(chunks));
  std::vector<Merge> merges;
  for (Merge pair; Vocabulary::kBytes + merges.size() < tokens; merges.push_back(pair)) {
    const size_t token = Vocabulary::kBytes + merges.size();
    if (!pairs.Commonest(&pair)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "found text for ", token, " tokens, then no pair that is there twice; expected ",
          "enough for ", tokens));
    }
    pairs.Replace(pair, static_cast<uint32_t>(token));
  }
  return Vocabulary::Make(merges);
}

uint64_t VocabularyLearner::CountTokens(const Vocabulary& vocabulary) const {
  uint64_t tokens = 0;
  for (const auto& [text, count] : chunks_) tokens += vocabulary.Encode(text).size() * count;
  return tokens;
}

}  // namespace paracord
