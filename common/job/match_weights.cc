#include "common/job/match_weights.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/nearest.h"

namespace paracord {
namespace {

class Matching {
 public:
  Matching(const std::map<std::string, std::string>& map, const std::vector<StoredTensor>& file)
      : map_(map), file_(file), used_(file.size()) {
    for (size_t i = 0; i < file.size(); ++i) {
      places_[file[i].name] = i;
      names_.push_back(file[i].name);
    }
  }

  void Add(const TensorSpec& tensor) {
    known_.push_back(tensor.name);
    const auto renamed = map_.find(tensor.name);
    const std::string& name = renamed == map_.end() ? tensor.name : renamed->second;
    const auto found = places_.find(name);
    if (found == places_.end()) {
      Mismatch(tensor, absl::StrCat("the file has no tensor ", Shown(name),
                                    renamed == map_.end() ? "" : ", as init.map calls it",
                                    DidYouMean(name, names_)));
      match_.sources.push_back(0);
      return;
    }
    used_[found->second] = true;
    match_.sources.push_back(found->second);
    Compare(tensor, file_[found->second]);
  }

  WeightsMatch Finish() {
    for (const auto& [tensor, name] : map_) {
      if (std::find(known_.begin(), known_.end(), tensor) != known_.end()) continue;
      match_.mismatches.push_back(absl::StrCat("init.map names ", Shown(tensor),
                                               "; the model has no such tensor",
                                               DidYouMean(tensor, known_)));
    }
    for (size_t i = 0; i < file_.size(); ++i) {
      if (used_[i]) continue;
      match_.mismatches.push_back(absl::StrCat("found tensor ", Shown(file_[i].name), " ",
                                               ShapeString(file_[i].shape),
                                               " in the file; expected only the model's"));
    }
    return std::move(match_);
  }

 private:
  void Compare(const TensorSpec& tensor, const StoredTensor& stored) {
    if (stored.shape != tensor.shape) {
      Mismatch(tensor, absl::StrCat("found shape ", ShapeString(stored.shape), "; expected ",
                                    ShapeString(tensor.shape)));
    }
    if (!SafetensorsFile::IsReadable(stored)) {
      Mismatch(tensor, absl::StrCat("found ", stored.dtype, "; expected F32, BF16 or F16"));
    }
  }
  void Mismatch(const TensorSpec& tensor, const std::string& what) {
    match_.mismatches.push_back(absl::StrCat("tensor ", Shown(tensor.name), ": ", what));
  }

  const std::map<std::string, std::string>& map_;
  const std::vector<StoredTensor>& file_;
  std::map<std::string, size_t> places_;
  std::vector<std::string> names_, known_;  // in the file, in the model
  std::vector<bool> used_;
  WeightsMatch match_;
};

}  // namespace

WeightsMatch MatchWeights(const std::vector<TensorSpec>& tensors,
                          const std::map<std::string, std::string>& map,
                          const std::vector<StoredTensor>& file) {
  Matching matching(map, file);
  for (const TensorSpec& tensor : tensors) {
    if (tensor.kind != TensorKind::kSum) matching.Add(tensor);
  }
  return matching.Finish();
}

absl::StatusOr<std::vector<size_t>> SourcesIn(const SafetensorsFile& file,
                                              const std::vector<TensorSpec>& tensors,
                                              const std::map<std::string, std::string>& map) {
  WeightsMatch match = MatchWeights(tensors, map, file.tensors());
  if (match.mismatches.empty()) return std::move(match.sources);
  std::string all;
  for (const std::string& mismatch : match.mismatches) {
    absl::StrAppend(&all, all.empty() ? "" : "\n", file.path(), ": ", mismatch);
  }
  return absl::InvalidArgumentError(all);
}

}  // namespace paracord
