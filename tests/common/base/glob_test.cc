#include "common/base/glob.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>

namespace paracord {
namespace {

// By recursion: what a pattern means, letter by letter.
bool Plainly(const std::string& pattern, const std::string& name) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] == '*') {
    for (size_t taken = 0; taken <= name.size(); ++taken) {
      if (Plainly(pattern.substr(1), name.substr(taken))) return true;
    }
    return false;
  }
  const bool one = !name.empty() && (pattern[0] == '?' || pattern[0] == name[0]);
  return one && Plainly(pattern.substr(1), name.substr(1));
}

std::string Drawn(std::mt19937& random, const std::string& letters) {
  std::string out;
  for (size_t i = random() % 9; i > 0; --i) out += letters[random() % letters.size()];
  return out;
}

}  // namespace

TEST_CASE("a pattern matches whole names: * any characters, ? one") {
  CHECK(GlobMatches("*.bias", "2.body.0.bias"));
  CHECK(GlobMatches("2.*", "2.body.0.bias"));
  CHECK_FALSE(GlobMatches("2.*", "12.bias"));
  CHECK(GlobMatches("?.weight", "7.weight"));
  CHECK_FALSE(GlobMatches("?.weight", "17.weight"));
  CHECK_FALSE(GlobMatches("7.w", "7.weight"));
  CHECK(GlobMatches("", ""));
  CHECK(GlobMatches("***", ""));
  CHECK_FALSE(GlobMatches("", "a"));
}

TEST_CASE("patterns and names at random match as they do by recursion") {
  int matches = 0;
  for (uint32_t seed = 0; seed < 20'000; ++seed) {
    std::mt19937 random(seed);
    const std::string pattern = Drawn(random, "ab*?*"), name = Drawn(random, "ab");
    CAPTURE(seed, pattern, name);
    const bool expected = Plainly(pattern, name);
    matches += expected;
    REQUIRE(GlobMatches(pattern, name) == expected);
  }
  CHECK(matches > 3000);
}

TEST_CASE("a pattern of many stars is told in a moment") {
  std::string pattern;
  for (int i = 0; i < 2000; ++i) pattern += "a*";
  CHECK_FALSE(GlobMatches(pattern + "b", std::string(4000, 'a')));
}

}  // namespace paracord
