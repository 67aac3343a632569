#include "common/base/npy_header.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace paracord {

std::string NpyFloatHeader(const std::vector<int64_t>& shape) {
  constexpr size_t kFront = 10, kAlignment = 64;  // magic, version, length
  // A tuple of one has a comma too.
  std::string text = absl::StrCat("{'descr': '<f4', 'fortran_order': False, 'shape': (",
                                  absl::StrJoin(shape, ", "), shape.size() == 1 ? ",), }" : "), }");
  const size_t whole = (kFront + text.size() + 1 + kAlignment - 1) / kAlignment * kAlignment;
  text.resize(whole - kFront - 1, ' ');
  text += '\n';
  std::string out("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(text.size() & 0xff);
  out += static_cast<char>(text.size() >> 8);
  return out + text;
}

}  // namespace paracord
