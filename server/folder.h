// Folders without surprises: what others remove or a disk loses meanwhile is an error, not an
// exception.
#pragma once

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "absl/status/status.h"

namespace paracord {

// What is in the folder, in the order of names; `error` is set if it could not be listed whole.
std::vector<std::filesystem::path> ListFolder(const std::filesystem::path& folder,
                                              std::error_code* error);

// For a part of a name there; ids are plain already, but they came from a network.
std::string PlainName(const std::string& id);

// What the file or folder holds is durable. Unavailable: the disk's trouble, as it says.
absl::Status SyncPath(const std::string& path);

}  // namespace paracord
