// Where text may be cut before it is encoded: byte pairs are merged inside a chunk, never across
// its ends, so a chunk's tokens depend on the chunk alone. Pure.
//
//   A chunk is a run of bytes of one class: letters (A-Z, a-z, and all of 128 and above, of which
//   UTF-8 makes other letters), digits, white space, or the rest. One space before a run that is
//   not white space belongs to that run: " word". No chunk is longer than kMostChunkBytes.
#pragma once

#include <cstddef>
#include <string_view>

namespace paracord {

inline constexpr size_t kMostChunkBytes = 64;

// Bytes of the chunk at the begin of `text`; 0 only if it is empty.
size_t ChunkBytes(std::string_view text);

}  // namespace paracord
