#include "common/job/vocabulary.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "common/job/learn_vocabulary.h"

namespace paracord {
namespace {

using Catch::Contains;
using Merges = std::vector<Vocabulary::Merge>;

constexpr uint32_t kSeed = 20261127;

std::string RandomText(std::mt19937& random, size_t bytes, std::string_view from) {
  std::string text;
  while (text.size() < bytes) {
    text += from.empty() ? static_cast<char>(random()) : from[random() % from.size()];
  }
  return text;
}

Vocabulary MustMake(const Merges& merges) {
  auto made = Vocabulary::Make(merges);
  INFO(made.status());
  REQUIRE(made.ok());
  return *std::move(made);
}

Vocabulary MustLearn(std::string_view text, size_t tokens) {
  VocabularyLearner learner;
  learner.Add(text);
  auto learned = learner.Learn(tokens);
  INFO(learned.status());
  REQUIRE(learned.ok());
  return *std::move(learned);
}

std::vector<std::string> ChunksOf(std::string_view text) {
  std::vector<std::string> chunks;
  while (!text.empty()) {
    const size_t bytes = ChunkBytes(text);
    REQUIRE(bytes >= 1);
    REQUIRE(bytes <= kMostChunkBytes);
    chunks.emplace_back(text.substr(0, bytes));
    text.remove_prefix(bytes);
  }
  return chunks;
}

// All merges in the order of their rank, each wherever it fits, from left to right.
std::vector<uint32_t> PlainMerges(std::vector<uint32_t> tokens, const Merges& merges) {
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    for (size_t i = 0; i + 1 < tokens.size(); ++i) {
      if (Vocabulary::Merge(tokens[i], tokens[i + 1]) != merges[rank]) continue;
      tokens[i] = static_cast<uint32_t>(Vocabulary::kBytes + rank);
      tokens.erase(tokens.begin() + static_cast<int64_t>(i) + 1);
    }
  }
  return tokens;
}

std::vector<uint32_t> BytesAsTokens(const std::string& text) {
  std::vector<uint32_t> tokens;
  for (const char byte : text) tokens.push_back(static_cast<unsigned char>(byte));
  return tokens;
}

std::vector<uint16_t> PlainEncode(const std::string& text, const Merges& merges) {
  std::vector<uint16_t> tokens;
  for (const std::string& chunk : ChunksOf(text)) {
    for (const uint32_t token : PlainMerges(BytesAsTokens(chunk), merges)) {
      tokens.push_back(static_cast<uint16_t>(token));
    }
  }
  return tokens;
}

// Counts all pairs anew for each merge.
Merges PlainLearn(const std::string& text, size_t count) {
  Merges merges;
  while (merges.size() < count) {
    std::map<Vocabulary::Merge, uint64_t> counts;
    for (const std::string& chunk : ChunksOf(text)) {
      const auto tokens = PlainMerges(BytesAsTokens(chunk), merges);
      for (size_t i = 0; i + 1 < tokens.size(); ++i) ++counts[{tokens[i], tokens[i + 1]}];
    }
    auto best = counts.begin();
    for (auto it = counts.begin(); it != counts.end(); ++it) {
      if (it->second > best->second) best = it;  // of equal ones the smallest stays
    }
    if (best == counts.end() || best->second < 2) break;
    merges.push_back(best->first);
  }
  return merges;
}

// Merges that no text has taught: of any tokens, as long as they may be.
Merges RandomMerges(std::mt19937& random, size_t count, uint32_t letters) {
  Merges merges;
  std::map<Vocabulary::Merge, bool> taken;
  std::vector<size_t> bytes(Vocabulary::kBytes, 1);
  while (merges.size() < count) {
    const auto draw = [&] {
      const uint32_t drawn = random() % (letters + merges.size());
      return drawn < letters ? 'a' + drawn : Vocabulary::kBytes + drawn - letters;
    };
    const auto left = static_cast<uint32_t>(draw()), right = static_cast<uint32_t>(draw());
    if (bytes[left] + bytes[right] > kMostChunkBytes) continue;
    if (!taken.emplace(Vocabulary::Merge(left, right), true).second) continue;
    bytes.push_back(bytes[left] + bytes[right]);
    merges.emplace_back(left, right);
  }
  return merges;
}

TEST_CASE("a text is cut into words with the space before them, digits, signs and white space") {
  using Texts = std::vector<std::string>;
  CHECK(ChunksOf("To be, or  not 12 times!\n\n And\t so\xc3\xa4 ") ==
        Texts{"To", " be", ",", " or", " ", " not", " 12", " times", "!", "\n\n", " And", "\t",
              " so\xc3\xa4", " "});
  CHECK(ChunksOf("") == Texts{});
  CHECK(ChunksOf(" ") == Texts{" "});
  CHECK(ChunksOf("   a") == Texts{"  ", " a"});
  CHECK(ChunksOf(" \n a") == Texts{" \n", " a"});
  CHECK(ChunksOf(std::string(130, 'x')) == Texts{std::string(64, 'x'), std::string(64, 'x'), "xx"});
  CHECK(ChunksOf(std::string(65, ' ') + "a") == Texts{std::string(64, ' '), " a"});
  CHECK(ChunksOf(" " + std::string(64, 'x')) == Texts{" " + std::string(63, 'x'), "x"});
}

TEST_CASE("a vocabulary without merges has the bytes as tokens") {
  const Vocabulary bytes;
  CHECK(bytes.size() == 256);
  CHECK(bytes.Encode(std::string("a\0\xff", 3)) == std::vector<uint16_t>{97, 0, 255});
  CHECK(*bytes.Decode({97, 0, 255}) == std::string("a\0\xff", 3));
  CHECK(bytes.BytesOf(10) == "\n");
}

TEST_CASE("encoding is the merges in the order of their rank, for learned and for drawn merges") {
  std::mt19937 random(kSeed);
  for (int i = 0; i < 300; ++i) {
    INFO("seed " << kSeed << ", draw " << i);
    const auto letters = static_cast<uint32_t>(1 + random() % 4);
    const Merges merges = RandomMerges(random, 1 + random() % 60, letters);
    const Vocabulary vocabulary = MustMake(merges);
    const std::string text =
        RandomText(random, random() % 300, std::string_view("abcd ").substr(0, letters));
    REQUIRE(vocabulary.Encode(text) == PlainEncode(text, merges));
  }
}

TEST_CASE("decoding is the inverse of encoding for any bytes") {
  std::mt19937 random(kSeed);
  const std::string text = RandomText(random, 3000, "abc de\n1.\xc3\xa4");
  const Vocabulary vocabulary = MustLearn(text, 400);
  CHECK(*vocabulary.Decode(vocabulary.Encode(text)) == text);
  CHECK(vocabulary.Encode(text).size() < 2 * text.size() / 3);
  for (int i = 0; i < 200; ++i) {
    INFO("seed " << kSeed << ", draw " << i);
    const std::string any = RandomText(random, random() % 500, i % 2 ? "" : "abc de\n\0\xff");
    REQUIRE(*vocabulary.Decode(vocabulary.Encode(any)) == any);
  }
}

TEST_CASE("learning takes the commonest pair again and again, of equal ones the smallest") {
  std::mt19937 random(kSeed);
  for (int i = 0; i < 60; ++i) {
    const std::string text = RandomText(random, 50 + random() % 400, i % 3 ? "ab " : "abcdef 1\n");
    const Merges merges = PlainLearn(text, 40);
    INFO("seed " << kSeed << ", draw " << i << ": " << text);
    REQUIRE(MustLearn(text, 256 + merges.size()).Text() == MustMake(merges).Text());
  }
  CHECK(MustLearn("ba ab ab ba", 258).Text() == MustMake({{' ', 'a'}, {'b', 'a'}}).Text());
}

TEST_CASE("a vocabulary does not depend on the order of texts, and texts do not touch") {
  VocabularyLearner one, other;
  one.Add("low lower");
  one.Add("newest low");
  other.Add("newest low");
  other.Add("low lower");
  CHECK(one.Learn(259)->Text() == other.Learn(259)->Text());
  CHECK(one.bytes() == 19);
  CHECK(one.CountTokens(Vocabulary()) == 19);
  CHECK(one.CountTokens(*one.Learn(259)) < 19);
  VocabularyLearner halves;
  for (int i = 0; i < 4; ++i) {
    halves.Add("a");
    halves.Add("b");
  }
  CHECK_FALSE(halves.Learn(257).ok());
}

TEST_CASE("more tokens than a text can teach are refused, with how many it can") {
  VocabularyLearner learner;
  learner.Add("aab aab");
  CHECK(learner.Learn(256)->size() == 256);
  CHECK(learner.Learn(258)->size() == 258);
  CHECK_THAT(std::string(learner.Learn(300).status().message()),
             Contains("found text for 258 tokens") && Contains("expected enough for 300"));
  CHECK_THAT(std::string(learner.Learn(255).status().message()), Contains("expected 256 to 65536"));
  CHECK_FALSE(learner.Learn(65537).ok());
}

TEST_CASE("a vocabulary's text is what it is read from") {
  const Vocabulary learned = MustLearn("the cat sat on the mat, the end of the cat", 262);
  const auto read = Vocabulary::Parse(learned.Text());
  REQUIRE(read.ok());
  CHECK(read->Text() == learned.Text());
  CHECK(read->size() == 262);
  CHECK(learned.Text().substr(0, 34) == "paracord-vocabulary 1\ntokens 262\n9");
  CHECK(Vocabulary::Parse(Vocabulary().Text())->size() == 256);
}

TEST_CASE("a broken vocabulary is refused with its line") {
  const auto error = [](const std::string& text) {
    return std::string(Vocabulary::Parse(text).status().message());
  };
  const std::string title = "paracord-vocabulary 1\n";
  CHECK_THAT(error(""), Contains("line 1: found ''; expected 'paracord-vocabulary 1'"));
  CHECK_THAT(error("paracord-vocabulary 2\ntokens 256\n"), Contains("line 1"));
  CHECK_THAT(error(title), Contains("line 2: found ''; expected 'tokens N'"));
  for (const char* size : {"tokens", "tokens 255", "tokens 65537", "tokens -1", "tokens 256x",
                           "tokens 99999999999", "token 256"}) {
    CHECK_THAT(error(title + size + "\n"), Contains("line 2: found '" + std::string(size) + "'"));
  }
  CHECK_THAT(error(title + "tokens 258\n97 98\n"), Contains("found 1 lines of merges; expected 2"));
  CHECK_THAT(error(title + "tokens 257\n97 98\n99 99\n"), Contains("found 2 lines of merges"));
  CHECK_THAT(error(title + "tokens 257\n97 98"), Contains("the last without its end"));
  CHECK_THAT(error(title + "tokens 257"), Contains("expected 1"));
  for (const char* merge : {"97", "97  98", "97 98 ", "a b", "-1 3", "97 98 99"}) {
    CHECK_THAT(error(title + "tokens 257\n" + merge + "\n"),
               Contains("line 3: found '" + std::string(merge) + "'; expected two tokens"));
  }
  CHECK_THAT(error(title + "tokens 257\n97 256\n"),
             Contains("token 256: found tokens 97 and 256; expected earlier ones"));
  CHECK_THAT(error(title + "tokens 258\n97 98\n97 98\n"),
             Contains("token 257") && Contains("token 256 is of these already"));
  std::string doubles = title + "tokens 263\n97 97\n";
  for (int token = 256; token < 262; ++token) {
    doubles += std::to_string(token) + " " + std::to_string(token) + "\n";
  }
  CHECK_THAT(error(doubles), Contains("they have 128 bytes; expected at most 64"));
}

TEST_CASE("mutated vocabularies are read or refused, never a crash") {
  std::mt19937 random(kSeed);
  const std::string valid = MustLearn("the cat sat on the mat, the end of the cat", 262).Text();
  int readable = 0;
  for (int i = 0; i < 5000; ++i) {
    std::string text = valid;
    for (uint32_t changes = 1 + random() % 3; changes > 0 && !text.empty(); --changes) {
      const size_t at = random() % text.size();
      if (random() % 3 == 0) text.erase(at, 1 + random() % 8);
      if (at < text.size())
        text[at] =
            random() % 2 ? static_cast<char>('0' + random() % 10) : static_cast<char>(random());
    }
    INFO("seed " << kSeed << ", mutation " << i);
    const auto read = Vocabulary::Parse(text);
    if (!read.ok()) continue;
    ++readable;
    REQUIRE(*read->Decode(read->Encode(valid)) == valid);
  }
  CHECK(readable > 0);
}

TEST_CASE("a token that a vocabulary has not is not decoded") {
  CHECK_THAT(std::string(Vocabulary().Decode({97, 256}).status().message()),
             Contains("found token 256; expected one of a vocabulary of 256"));
}

}  // namespace
}  // namespace paracord
