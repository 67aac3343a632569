#include "worker/data/png_image.h"

#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstdio>

#include "common/base/status.h"

namespace paracord {
namespace {

constexpr png_uint_32 kMostSide = 65535;
constexpr png_alloc_size_t kMostChunk = 8 << 20;
// Deflate gives at most 1,032 bytes for one, and a byte holds at most 8 pixels.
constexpr uint64_t kMostPixelsPerByte = 1032 * 8;

// Everything that libpng's error jumps past lives here and is freed by whoever owns it: between a
// setjmp and what may jump to it there is no object that needs a destructor.
struct Reader {
  std::string_view left;
  char message[128] = "";
  png_structp png = nullptr;
  png_infop info = nullptr;
  png_size_t row_bytes = 0;

  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
};

[[noreturn]] void OnError(png_structp png, png_const_charp message) {
  Reader* reader = static_cast<Reader*>(png_get_error_ptr(png));
  std::snprintf(reader->message, sizeof(reader->message), "%s", message);
  png_longjmp(png, 1);
}

void OnWarning(png_structp, png_const_charp) {}

void OnRead(png_structp png, png_bytep to, png_size_t size) {
  Reader* reader = static_cast<Reader*>(png_get_io_ptr(png));
  if (reader->left.size() < size) png_error(png, "torn: the file ends inside the image");
  std::copy_n(reader->left.data(), size, reinterpret_cast<char*>(to));
  reader->left.remove_prefix(size);
}

bool ReadHeader(Reader* reader) {
  if (setjmp(png_jmpbuf(reader->png)) != 0) return false;
  png_set_user_limits(reader->png, kMostSide, kMostSide);
  png_set_chunk_malloc_max(reader->png, kMostChunk);
  png_set_read_fn(reader->png, reader, OnRead);
  png_read_info(reader->png, reader->info);
  return true;
}

// To rows of grey or of red, green and blue, 8 bits each.
bool SetTransforms(Reader* reader) {
  if (setjmp(png_jmpbuf(reader->png)) != 0) return false;
  png_set_expand(reader->png);
  png_set_scale_16(reader->png);
  png_set_strip_alpha(reader->png);
  png_set_interlace_handling(reader->png);
  png_read_update_info(reader->png, reader->info);
  reader->row_bytes = png_get_rowbytes(reader->png, reader->info);
  return true;
}

bool ReadRows(Reader* reader, png_bytepp rows) {
  if (setjmp(png_jmpbuf(reader->png)) != 0) return false;
  png_read_image(reader->png, rows);
  png_read_end(reader->png, nullptr);
  return true;
}

absl::Status Broken(const Reader& reader) {
  return absl::InvalidArgumentError(absl::StrCat("damaged PNG image: ", reader.message));
}

}  // namespace

absl::StatusOr<RawImage> DecodePng(std::string_view file) {
  Reader reader;
  reader.left = file;
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, OnError, OnWarning);
  if (reader.png != nullptr) reader.info = png_create_info_struct(reader.png);
  if (reader.info == nullptr) return absl::ResourceExhaustedError("libpng has no memory");
  if (!ReadHeader(&reader)) return Broken(reader);
  RawImage image;
  image.height = png_get_image_height(reader.png, reader.info);
  image.width = png_get_image_width(reader.png, reader.info);
  RETURN_IF_ERROR(CheckImageSize(static_cast<uint64_t>(image.height),
                                 static_cast<uint64_t>(image.width), file.size(),
                                 kMostPixelsPerByte));
  if (!SetTransforms(&reader)) return Broken(reader);
  image.channels = png_get_channels(reader.png, reader.info);
  const size_t row_bytes = static_cast<size_t>(image.width * image.channels);
  if ((image.channels != 1 && image.channels != 3) || reader.row_bytes != row_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("found a PNG image of ", image.channels, " channels; expected 1 or 3"));
  }
  image.values.resize(row_bytes * static_cast<size_t>(image.height));
  std::vector<png_bytep> rows(static_cast<size_t>(image.height));
  for (size_t y = 0; y < rows.size(); ++y) rows[y] = image.values.data() + y * row_bytes;
  if (!ReadRows(&reader, rows.data())) return Broken(reader);
  return image;
}

}  // namespace paracord
