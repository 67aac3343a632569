// PNG and JPEG files for tests, written by the libraries that read them.
#pragma once

#include <cstddef>
#include <cstdio>
// After <cstdio>, whose names it uses.
#include <jpeglib.h>
#include <png.h>

#include <string>
#include <vector>

#include "tests/worker/data/data_files.h"

namespace paracord {

// `rows`: as libpng wants them, one after the other.
inline std::string Png(uint32_t height, uint32_t width, int color_type, int depth,
                       const std::string& rows, int interlace = PNG_INTERLACE_NONE) {
  std::string bytes;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &bytes,
      [](png_structp p, png_bytep data, png_size_t size) {
        static_cast<std::string*>(png_get_io_ptr(p))->append(reinterpret_cast<char*>(data), size);
      },
      [](png_structp) {});
  png_set_IHDR(png, info, width, height, depth, color_type, interlace, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  if (color_type == PNG_COLOR_TYPE_PALETTE) {
    const png_color palette[] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {9, 8, 7}};
    png_set_PLTE(png, info, palette, 4);
  }
  png_write_info(png, info);
  std::vector<png_bytep> pointers(height);
  const size_t row_bytes = rows.size() / height;
  for (size_t y = 0; y < height; ++y) {
    pointers[y] = reinterpret_cast<png_bytep>(const_cast<char*>(rows.data())) + y * row_bytes;
  }
  png_write_image(png, pointers.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return bytes;
}

inline std::string Jpeg(uint32_t height, uint32_t width, J_COLOR_SPACE space, int channels,
                        const std::string& rows, bool progressive = false) {
  jpeg_compress_struct jpeg = {};
  jpeg_error_mgr errors = {};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* data = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &data, &size);
  jpeg.image_width = width;
  jpeg.image_height = height;
  jpeg.input_components = channels;
  jpeg.in_color_space = space;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 98, TRUE);
  if (progressive) jpeg_simple_progression(&jpeg);
  jpeg_start_compress(&jpeg, TRUE);
  while (jpeg.next_scanline < height) {
    const size_t row_bytes = size_t{width} * static_cast<size_t>(channels);
    JSAMPROW row = reinterpret_cast<unsigned char*>(const_cast<char*>(rows.data())) +
                   jpeg.next_scanline * row_bytes;
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  std::string bytes(reinterpret_cast<char*>(data), size);
  jpeg_destroy_compress(&jpeg);
  std::free(data);
  return bytes;
}

// A picture without sharp edges, so that JPEG keeps it.
inline std::string SmoothRows(uint32_t height, uint32_t width, int channels) {
  std::string rows;
  for (uint32_t y = 0; y < height; ++y) {
    for (uint32_t x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        rows += static_cast<char>(40 + 100 * y / height + (60 + 20 * c) * x / width);
      }
    }
  }
  return rows;
}

}  // namespace paracord
