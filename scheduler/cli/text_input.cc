#include "scheduler/cli/text_input.h"

#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "common/base/status.h"

namespace paracord {

absl::StatusOr<std::string> ReadText(const std::string& path) {
  const auto wrong = [&](const std::string& what) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", what));
  };
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    return wrong("not a regular file");
  }
  const gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) return wrong(absl::StrCat("cannot be read: ", std::strerror(errno)));
  std::string text;
  std::string piece(1 << 20, '\0');
  int got = 0;
  do {
    got = gzread(file, piece.data(), static_cast<unsigned>(piece.size()));
    if (got > 0) text.append(piece, 0, static_cast<size_t>(got));
  } while (got > 0);
  int code = Z_OK;
  const std::string why = got < 0 ? gzerror(file, &code) : "";
  const bool torn = gzclose(file) == Z_BUF_ERROR;
  if (torn || code == Z_BUF_ERROR) {
    return wrong(absl::StrCat("torn: the file ends inside its gzip stream, after ", text.size(),
                              " unpacked bytes"));
  }
  if (got < 0) return wrong(absl::StrCat("cannot be read: ", why));
  return text;
}

}  // namespace paracord
