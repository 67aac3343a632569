#include "tests/worker/data/image_files.h"
#include "worker/data/raw_image.h"

namespace paracord {
namespace {

using Catch::Contains;

RawImage MustDecode(const std::string& file) {
  auto image = DecodeImageFile(file);
  INFO(image.status().ToString());
  REQUIRE(image.ok());
  return *std::move(image);
}

std::string DecodeError(const std::string& file) {
  return std::string(DecodeImageFile(file).status().message());
}

std::string Values(const RawImage& image) { return {image.values.begin(), image.values.end()}; }

TEST_CASE("a PNG of any depth, colour type and interlacing comes out as its pixels") {
  const std::string rgb = RandomBytes(1, 5 * 7 * 3), grey = RandomBytes(2, 5 * 7);
  for (const int interlace : {PNG_INTERLACE_NONE, PNG_INTERLACE_ADAM7}) {
    const RawImage colour = MustDecode(Png(5, 7, PNG_COLOR_TYPE_RGB, 8, rgb, interlace));
    CHECK(colour.height == 5);
    CHECK(colour.width == 7);
    CHECK(colour.channels == 3);
    CHECK(Values(colour) == rgb);
    const RawImage plain = MustDecode(Png(5, 7, PNG_COLOR_TYPE_GRAY, 8, grey, interlace));
    CHECK(plain.channels == 1);
    CHECK(Values(plain) == grey);
  }
  std::string alpha, deep;
  for (size_t i = 0; i < 35; ++i) {
    alpha += rgb.substr(3 * i, 3) + grey[i];
    deep += std::string({grey[i], grey[i]});  // 257 times the byte
  }
  CHECK(Values(MustDecode(Png(5, 7, PNG_COLOR_TYPE_RGBA, 8, alpha))) == rgb);
  CHECK(Values(MustDecode(Png(5, 7, PNG_COLOR_TYPE_GRAY, 16, deep))) == grey);
  const std::string palette = {0, 3, 1, 2};
  CHECK(Values(MustDecode(Png(2, 2, PNG_COLOR_TYPE_PALETTE, 8, palette))) ==
        std::string({'\xff', 0, 0, 9, 8, 7, 0, '\xff', 0, 0, 0, '\xff'}));
  CHECK(Values(MustDecode(Png(1, 8, PNG_COLOR_TYPE_GRAY, 1, "\xa5"))) ==
        std::string("\xff\0\xff\0\0\xff\0\xff", 8));
}

TEST_CASE("a JPEG, sequential or progressive, grey or in colour, comes out nearly as its pixels") {
  for (const bool progressive : {false, true}) {
    for (const int channels : {1, 3}) {
      const std::string rows = SmoothRows(37, 50, channels);
      const J_COLOR_SPACE space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
      const RawImage image = MustDecode(Jpeg(37, 50, space, channels, rows, progressive));
      CHECK(image.height == 37);
      CHECK(image.width == 50);
      REQUIRE(image.channels == channels);
      int worst = 0;
      for (size_t i = 0; i < rows.size(); ++i) {
        worst = std::max(worst, std::abs(image.values[i] - static_cast<uint8_t>(rows[i])));
      }
      CHECK(worst <= 6);
    }
  }
}

TEST_CASE("an image that is torn anywhere is refused") {
  const std::string png = Png(9, 11, PNG_COLOR_TYPE_RGB, 8, RandomBytes(3, 9 * 11 * 3));
  const std::string jpeg = Jpeg(33, 40, JCS_RGB, 3, SmoothRows(33, 40, 3));
  const std::string progressive = Jpeg(33, 40, JCS_RGB, 3, SmoothRows(33, 40, 3), true);
  for (const std::string& whole : {png, jpeg, progressive}) {
    MustDecode(whole);
    for (size_t size = 0; size < whole.size(); size += 1 + size / 40) {
      CAPTURE(size, whole.size());
      CHECK_FALSE(DecodeError(whole.substr(0, size)).empty());
    }
    CHECK_FALSE(DecodeError(whole.substr(0, whole.size() - 2)).empty());
  }
  CHECK_THAT(DecodeError(png.substr(0, 60)), Contains("damaged PNG image: torn"));
  CHECK_THAT(DecodeError(jpeg.substr(0, 700)), Contains("damaged JPEG image: "));
}

TEST_CASE("a damaged image is refused with what its library says") {
  std::string png = Png(9, 11, PNG_COLOR_TYPE_RGB, 8, RandomBytes(3, 9 * 11 * 3));
  png[50] ^= 1;
  CHECK_THAT(DecodeError(png), Contains("damaged PNG image: "));
  CHECK_THAT(DecodeError("GIF89a; no image of ours"), Contains("found 'GIF89a; '; expected a PNG"));
  CHECK_THAT(DecodeError(""), Contains("the file is empty"));
  CHECK_THAT(DecodeError(Jpeg(8, 8, JCS_CMYK, 4, RandomBytes(1, 256))),
             Contains("found a JPEG image of 4 components"));
}

TEST_CASE("an image whose header announces more than the file can hold is refused at once") {
  std::string png = Png(9, 11, PNG_COLOR_TYPE_GRAY, 8, RandomBytes(3, 99));
  const auto png_of = [&](uint32_t width, uint32_t height) {
    std::string bytes = png;
    for (int i = 0; i < 4; ++i) {
      bytes[16 + i] = static_cast<char>(width >> (24 - 8 * i));
      bytes[20 + i] = static_cast<char>(height >> (24 - 8 * i));
    }
    const auto crc = crc32(0, reinterpret_cast<const Bytef*>(bytes.data()) + 12, 17);
    for (int i = 0; i < 4; ++i) bytes[29 + i] = static_cast<char>(crc >> (24 - 8 * i));
    return bytes;
  };
  MustDecode(png_of(11, 9));
  CHECK_THAT(DecodeError(png_of(5000, 8000)), Contains("announces 5000 x 8000 pixels"));
  CHECK_THAT(DecodeError(png_of(60000, 60000)), Contains("an image of 60000 x 60000 pixels"));
  CHECK_THAT(DecodeError(png_of(0x7fffffff, 0x7fffffff)), Contains("damaged PNG image"));
  CHECK_THAT(DecodeError(png_of(0, 5)), Contains("damaged PNG image"));
  std::string jpeg = Jpeg(16, 16, JCS_GRAYSCALE, 1, SmoothRows(16, 16, 1));
  const size_t frame = jpeg.find("\xff\xc0");
  REQUIRE(frame != std::string::npos);
  jpeg[frame + 5] = jpeg[frame + 7] = static_cast<char>(0x20);  // 8208 x 8208
  CHECK_THAT(DecodeError(jpeg), Contains("found an image of 8208 x 8208 pixels"));
  jpeg[frame + 5] = jpeg[frame + 7] = static_cast<char>(0x10);
  CHECK_THAT(DecodeError(jpeg), Contains("announces 4112 x 4112 pixels"));
}

TEST_CASE("grey becomes three equal channels, and colours grey by their brightness") {
  RawImage image = {1, 2, 3, {255, 0, 0, 10, 20, 30}};
  SetChannels(1, &image);
  CHECK(image.values == std::vector<uint8_t>{76, 18});
  SetChannels(3, &image);
  CHECK(image.values == std::vector<uint8_t>{76, 76, 76, 18, 18, 18});
  RawImage white = {1, 1, 3, {255, 255, 255}};
  SetChannels(1, &white);
  CHECK(white.values == std::vector<uint8_t>{255});
}

}  // namespace
}  // namespace paracord
