#include "worker/data/image_folder.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "common/base/sha256.h"
#include "common/base/status.h"
#include "worker/data/source_file.h"

namespace paracord {
namespace {

namespace fs = std::filesystem;

absl::StatusOr<std::vector<std::string>> SortedNames(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name[0] != '.') names.push_back(name);
  }
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": cannot be read as a folder: ", error.message()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

// `inside`: "CLASS/", or "" for `path` itself.
absl::Status AddImages(const std::string& path, const std::string& inside, Sha256* listing,
                       ImageFolder* folder) {
  ASSIGN_OR_RETURN(const std::vector<std::string> files, SortedNames(path + "/" + inside));
  const int64_t label = static_cast<int64_t>(folder->classes.size());
  folder->classes.push_back(inside.substr(0, inside.find('/')));
  for (const std::string& file : files) {
    ImageFolder::Image image = {absl::StrCat(path, "/", inside, file), inside + file, label};
    ASSIGN_OR_RETURN(const FileIdentity identity, StatFile(image.path));
    folder->identity.bytes += identity.bytes;
    const std::string line = absl::StrCat(image.name.size(), " ", image.name, " ", identity.bytes,
                                          " ", identity.modified, "\n");
    listing->Add(line.data(), line.size());
    folder->images.push_back(std::move(image));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ImageFolder> ListImageFolder(const std::string& path, bool labelled) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, SortedNames(path));
  ImageFolder folder;
  Sha256 listing;
  for (const std::string& name : names) {
    std::error_code ignored;
    if (!fs::is_directory(path + "/" + name, ignored)) continue;
    RETURN_IF_ERROR(AddImages(path, name + "/", &listing, &folder));
  }
  if (!labelled && !folder.classes.empty() && folder.classes.size() < names.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": found folders and files side by side; expected images, or folders of them"));
  }
  const bool flat = !labelled && folder.classes.empty();
  if (flat) RETURN_IF_ERROR(AddImages(path, "", &listing, &folder));
  if (folder.images.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": found ", folder.classes.size(),
                     " folders and no image; expected one folder a class, with images"));
  }
  folder.identity.path = path;
  folder.identity.modified = std::stoll(listing.Hex().substr(0, 15), nullptr, 16);
  return folder;
}

}  // namespace paracord
