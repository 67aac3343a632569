// A vocabulary (common/job/vocabulary.h) from its file, plain or gzip, and what that file was.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/job/vocabulary.h"
#include "worker/data/dataset_contents.h"

namespace paracord {

struct VocabularyFile {
  Vocabulary vocabulary;
  FileIdentity identity;
};

// InvalidArgument with path and line. Reads no more than any vocabulary has, whatever the file.
absl::StatusOr<VocabularyFile> ReadVocabulary(const std::string& path);

}  // namespace paracord
