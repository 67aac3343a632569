// "Did you mean ...?": the known word that a mistyped one was probably meant to be.
//
// Source: Damerau, "A technique for computer detection and correction of spelling errors", CACM
// 7(3), 1964 (insertions, deletions, substitutions and swapped neighbours count one each). Pure;
// any thread.
#pragma once

#include <string>
#include <vector>

namespace paracord {

// The known word nearest to `found` by edit distance, letters' case aside, if near enough to be a
// slip (one edit for every three letters, at least one); else "". The first of equally near ones.
std::string Nearest(const std::string& found, const std::vector<std::string>& known);

// The same as the end of a message: "; did you mean 'relu'?" or "".
std::string DidYouMean(const std::string& found, const std::vector<std::string>& known);

}  // namespace paracord
