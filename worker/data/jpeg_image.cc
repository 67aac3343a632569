#include "worker/data/jpeg_image.h"

#include <csetjmp>
#include <cstddef>
#include <cstdio>
// After <cstddef> and <cstdio>: it uses their names and does not include them.
#include <jerror.h>
#include <jpeglib.h>

#include "common/base/status.h"

namespace paracord {
namespace {

// A block of 64 pixels takes at least one bit.
constexpr uint64_t kMostPixelsPerByte = 8 * 64;
// A progressive image has some 10; each of them is a pass over all of its blocks.
constexpr int kMostScans = 200;

// Everything that libjpeg's error jumps past lives here and is freed by whoever owns it: between a
// setjmp and what may jump to it there is no object that needs a destructor.
struct Reader {
  jpeg_error_mgr errors = {};
  jpeg_progress_mgr progress = {};
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX] = "";
  jpeg_decompress_struct jpeg = {};
  bool created = false;

  ~Reader() {
    if (created) jpeg_destroy_decompress(&jpeg);
  }
};

[[noreturn]] void OnError(j_common_ptr jpeg) {
  Reader* reader = static_cast<Reader*>(jpeg->client_data);
  jpeg->err->format_message(jpeg, reader->message);
  std::longjmp(reader->jump, 1);
}

// Level -1 is a warning: data are damaged and something was made up for them.
void OnMessage(j_common_ptr jpeg, int level) {
  if (level < 0 && jpeg->err->msg_code != JWRN_EXTRANEOUS_DATA) OnError(jpeg);
}

void OnOutput(j_common_ptr) {}

void OnProgress(j_common_ptr jpeg) {
  Reader* reader = static_cast<Reader*>(jpeg->client_data);
  if (reader->jpeg.input_scan_number <= kMostScans) return;
  std::snprintf(reader->message, sizeof(reader->message), "more than %d scans", kMostScans);
  std::longjmp(reader->jump, 1);
}

bool ReadHeader(Reader* reader, const unsigned char* data, size_t size) {
  if (setjmp(reader->jump) != 0) return false;
  jpeg_decompress_struct& jpeg = reader->jpeg;
  jpeg.err = jpeg_std_error(&reader->errors);
  jpeg.err->error_exit = OnError;
  jpeg.err->emit_message = OnMessage;
  jpeg.err->output_message = OnOutput;
  jpeg.client_data = reader;
  jpeg_create_decompress(&jpeg);
  reader->created = true;
  reader->progress.progress_monitor = OnProgress;
  jpeg.progress = &reader->progress;
  jpeg_mem_src(&jpeg, data, size);
  jpeg_read_header(&jpeg, TRUE);
  return true;
}

bool Start(Reader* reader) {
  if (setjmp(reader->jump) != 0) return false;
  jpeg_decompress_struct& jpeg = reader->jpeg;
  jpeg.out_color_space = jpeg.jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE : JCS_RGB;
  jpeg.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&jpeg);
  return true;
}

bool ReadRows(Reader* reader, unsigned char* values, size_t row_bytes) {
  if (setjmp(reader->jump) != 0) return false;
  jpeg_decompress_struct& jpeg = reader->jpeg;
  while (jpeg.output_scanline < jpeg.output_height) {
    JSAMPROW row = values + jpeg.output_scanline * row_bytes;
    jpeg_read_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_decompress(&jpeg);
  return true;
}

absl::Status Broken(const Reader& reader) {
  return absl::InvalidArgumentError(absl::StrCat("damaged JPEG image: ", reader.message));
}

}  // namespace

absl::StatusOr<RawImage> DecodeJpeg(std::string_view file) {
  Reader reader;
  const unsigned char* data = reinterpret_cast<const unsigned char*>(file.data());
  if (!ReadHeader(&reader, data, file.size())) return Broken(reader);
  const jpeg_decompress_struct& jpeg = reader.jpeg;
  RETURN_IF_ERROR(
      CheckImageSize(jpeg.image_height, jpeg.image_width, file.size(), kMostPixelsPerByte));
  if (jpeg.jpeg_color_space != JCS_GRAYSCALE && jpeg.jpeg_color_space != JCS_YCbCr &&
      jpeg.jpeg_color_space != JCS_RGB) {
    return absl::InvalidArgumentError(absl::StrCat("found a JPEG image of ", jpeg.num_components,
                                                   " components; expected grey, YCbCr or RGB"));
  }
  if (!Start(&reader)) return Broken(reader);
  RawImage image;
  image.height = jpeg.output_height;
  image.width = jpeg.output_width;
  image.channels = jpeg.output_components;
  const size_t row_bytes = static_cast<size_t>(image.width * image.channels);
  image.values.resize(row_bytes * static_cast<size_t>(image.height));
  if (!ReadRows(&reader, image.values.data(), row_bytes)) return Broken(reader);
  return image;
}

}  // namespace paracord
