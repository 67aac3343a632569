// XXH3-128 of bytes fed in pieces: finds what a disk or a copy has changed, at memory speed. No
// protection against somebody who means harm.   [door: xxHash]
//
// Source: Yann Collet, xxHash 0.8, XXH3.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace paracord {

class FastHash {
 public:
  FastHash();
  ~FastHash();
  FastHash(const FastHash&) = delete;
  FastHash& operator=(const FastHash&) = delete;
  void Add(const void* data, size_t size);
  // 32 lower-case hexadecimal digits, of all that was added so far.
  std::string Hex() const;

 private:
  struct Context;
  const std::unique_ptr<Context> context_;
};

std::string FastHashOf(const std::string& bytes);
// NotFound: there is no such file. DataLoss: it cannot be read to its end.
absl::StatusOr<std::string> FastHashOfFile(const std::string& path);

}  // namespace paracord
