#include "worker/data/checksum.h"

#include <zlib.h>

namespace paracord {

uint32_t Crc32(uint32_t before, const void* data, size_t size) {
  return static_cast<uint32_t>(crc32_z(before, static_cast<const Bytef*>(data), size));
}

}  // namespace paracord
