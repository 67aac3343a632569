// Numbers written as text, read the same way on every host whatever its locale. Pure.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace paracord {

// A finite number ("-1", "+0.5", "3e-4", blanks around it allowed) rounded to float.
// InvalidArgument says what was found: "found nothing; expected a number", "found 'nan'; expected a
// finite number".
absl::StatusOr<float> ParseFiniteFloat(std::string_view text);

// `text` without the blanks and tabs at its ends.
std::string_view WithoutBlanks(std::string_view text);

// `text` in quotes for a message: unprintable bytes escaped, cut after 40.
std::string Quoted(std::string_view text);

}  // namespace paracord
