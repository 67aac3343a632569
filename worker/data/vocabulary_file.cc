#include "worker/data/vocabulary_file.h"

#include <memory>
#include <utility>

#include "common/base/status.h"
#include "worker/data/source_file.h"

namespace paracord {

absl::StatusOr<VocabularyFile> ReadVocabulary(const std::string& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<SourceFile> file, SourceFile::Open(path));
  std::string text(Vocabulary::kMostTextBytes + 1, '\0');
  ASSIGN_OR_RETURN(const size_t bytes, file->Read(text.data(), text.size()));
  if (bytes > Vocabulary::kMostTextBytes) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": found more than ",
                                                   Vocabulary::kMostTextBytes,
                                                   " bytes; expected a vocabulary, as 'paracord "
                                                   "tokenize' writes it"));
  }
  text.resize(bytes);
  absl::StatusOr<Vocabulary> vocabulary = Vocabulary::Parse(text);
  if (!vocabulary.ok()) return Annotate(vocabulary.status(), path);
  ASSIGN_OR_RETURN(FileIdentity identity, file->Identity());
  return VocabularyFile{*std::move(vocabulary), std::move(identity)};
}

}  // namespace paracord
