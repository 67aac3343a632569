// What stands before the values in a decoded cache file: what was decoded, from which files, into
// which shape.
//
//   0        16   magic "paracord-dataset"
//   16       4    version, 4
//   20       4    H, bytes of the header in all
//   24       64   sha256 of [88, H), hexadecimal
//   88            key: text        what was asked for; a cache of anything else is foreign
//                 files: u32 n, then n times  path: text, bytes: u64, modified: i64, sha256: text
//                 samples: u64, rank: u32, then rank times size: i64
//                 label_floats: i64, stride: u64, value_bytes: u32 (1: u8, 2: u16, 4: f32)
//                 vocabulary: u32, label_bytes: u64      of tokens (u16), else 0
//                 values: u32    crc32 of the features, then of the labels
//   align 64      features [samples, ...]: u8, u16 or f32
//   align 64      labels [samples, label_floats]: f32; the file ends with the last
//
// A sequence (stride above 0, see dataset_contents.h) has one run of u8 or u16 and no labels; the
// file ends with the run.
//
// text is u32 length, then bytes. All numbers are little-endian; gaps are zero. Where the values
// lie follows from the header, and the file's size must be exactly what follows: a torn file is
// refused without reading its values, a damaged one by their checksum. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/data/dataset_contents.h"

namespace paracord {

struct CacheHeader {
  std::string key;
  std::vector<FileIdentity> files;
  uint64_t samples = 0;
  Shape sample_shape;
  int64_t label_floats = 1;
  uint64_t stride = 0;
  uint32_t value_bytes = 4;  // of a feature
  uint32_t vocabulary = 0;
  uint64_t label_bytes = 0;
  uint32_t values = 0;  // their checksum
};

// Bytes from the start of the file.
struct CacheLayout {
  uint64_t features = 0;
  uint64_t feature_bytes = 0;
  uint64_t labels = 0;
  uint64_t label_bytes = 0;
  uint64_t end = 0;
};

std::string EncodeCacheHeader(const CacheHeader& header);

// The header at the front of `file`. InvalidArgument: foreign, of another version, torn or damaged.
// Never reads outside.
absl::StatusOr<CacheHeader> DecodeCacheHeader(std::string_view file);

// Where the values lie behind a header of `header_bytes`. InvalidArgument if the sizes make no
// sense.
absl::StatusOr<CacheLayout> LayoutOf(const CacheHeader& header, uint64_t header_bytes);

// H of a file whose header DecodeCacheHeader has accepted.
uint64_t CacheHeaderBytes(std::string_view file);

}  // namespace paracord
