// A folder of images as a data set: one folder a class, numbered by the order of their names'
// bytes, and in each its images in that order. Files beside the class folders, and names that begin
// with a dot, do not count.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/data/dataset_contents.h"

namespace paracord {

struct ImageFolder {
  struct Image {
    std::string path;
    std::string name;  // "CLASS/FILE", or "FILE"
    int64_t label = 0;
  };
  std::vector<std::string> classes;
  std::vector<Image> images;
  // Of the folder as one source: bytes of all images; in place of a time, 60 bits of a hash of
  // every name, size and time. Without its sha256.
  FileIdentity identity;
};

// InvalidArgument if `path` is no folder that can be read, or one without classes or images, or
// with something else than files in a class. Without labels (`labelled`) the images may lie in
// `path` itself.
absl::StatusOr<ImageFolder> ListImageFolder(const std::string& path, bool labelled = true);

}  // namespace paracord
