// SHA-256 of bytes fed in pieces.   [door: OpenSSL]
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace paracord {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void Add(const void* data, size_t size);
  // 64 lower-case hexadecimal digits. Call once.
  std::string Hex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// Of a file's bytes.
absl::StatusOr<std::string> Sha256OfFile(const std::string& path);

}  // namespace paracord
