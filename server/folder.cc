#include "server/folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace paracord {

std::vector<std::filesystem::path> ListFolder(const std::filesystem::path& folder,
                                              std::error_code* error) {
  std::vector<std::filesystem::path> paths;
  std::filesystem::directory_iterator it(folder, *error);
  for (; !*error && it != std::filesystem::directory_iterator(); it.increment(*error)) {
    paths.push_back(it->path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string PlainName(const std::string& id) {
  std::string plain = id;
  for (char& c : plain) {
    if (!absl::ascii_isalnum(c) && c != '-' && c != '_' && c != '.') c = '_';
  }
  return plain;
}

absl::Status SyncPath(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const absl::Cleanup close_file = [file] {
    if (file >= 0) close(file);
  };
  if (file >= 0 && fsync(file) == 0) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(path, ": ", std::strerror(errno)));
}

}  // namespace paracord
