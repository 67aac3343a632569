// Writes weights as numpy's npz: a zip archive of one npy file a tensor, stored as it is.
//
//   for each tensor: local header, NAME.npy, sizes (zip64), npy header, values
//   for each tensor: central header, the same with where it lies
//   zip64 end record, its locator, end record
//
// Sizes always stand in their 64-bit places, so that a large file is no special case.
// [door: zlib], for its CRC-32.
//
// Source: PKWARE, "APPNOTE.TXT - .ZIP File Format Specification" 6.3, sections 4.3 and 4.5.3.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/whole_file.h"
#include "scheduler/cli/weights_digest.h"
#include "scheduler/cli/weights_file.h"

namespace paracord {

class NpzWriter : public WeightsFile {
 public:
  explicit NpzWriter(const std::string& path) : file_(path) {}

  absl::Status Begin(const WeightsVersion& version) override;
  absl::Status BeginTensor(const TensorSpec& tensor) override;
  absl::Status Add(const Payload& floats) override;
  absl::StatusOr<std::string> Commit() override;

 private:
  struct Member {
    std::string name;    // "0.weight.npy"
    uint64_t begin = 0;  // of its local header
    uint64_t bytes = 0;
    uint32_t crc = 0;
  };
  static std::string LocalHeader(const Member& member);
  static std::string CentralHeader(const Member& member);
  absl::Status Store(const char* data, size_t size);  // into the last member
  absl::Status EndMember();

  WholeFile file_;
  WeightsDigest digest_;
  std::vector<Member> members_;
};

}  // namespace paracord
