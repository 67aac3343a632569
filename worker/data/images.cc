#include "worker/data/images.h"

#include <memory>
#include <utility>

#include "common/base/sha256.h"
#include "common/base/status.h"
#include "worker/data/image_folder.h"
#include "worker/data/image_resize.h"
#include "worker/data/raw_image.h"
#include "worker/data/source_file.h"

namespace paracord {
namespace {

absl::Status ReadImage(const ImageFolder::Image& image, const DatasetSpec& spec, Sha256* contents,
                       uint8_t* out) {
  ASSIGN_OR_RETURN(const std::unique_ptr<SourceFile> file, SourceFile::Open(image.path));
  std::vector<uint8_t> bytes;
  RETURN_IF_ERROR(file->ReadAll(&bytes));
  absl::StatusOr<RawImage> raw =
      DecodeImageFile({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (!raw.ok()) return Annotate(raw.status(), image.path);
  SetChannels(spec.channels, &*raw);
  ResizeAndCrop(*raw, spec.height, spec.width, out);
  ASSIGN_OR_RETURN(const FileIdentity identity, file->Identity());
  const std::string line =
      absl::StrCat(image.name.size(), " ", image.name, " ", identity.sha256, "\n");
  contents->Add(line.data(), line.size());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DecodedData> DecodeImages(const DatasetSpec& spec) {
  if (spec.height < 1 || spec.width < 1 || (spec.channels != 1 && spec.channels != 3)) {
    return absl::InvalidArgumentError(
        absl::StrCat(spec.path, ": found size [", spec.height, ", ", spec.width, "] of ",
                     spec.channels, " channels; expected at least [1, 1] of 1 or 3"));
  }
  ASSIGN_OR_RETURN(ImageFolder folder, ListImageFolder(spec.path, spec.labelled));
  DecodedData data;
  data.samples = folder.images.size();
  data.sample_shape = {spec.channels, spec.height, spec.width};
  const uint64_t size = static_cast<uint64_t>(ShapeSize(data.sample_shape));
  RETURN_IF_ERROR(CheckFitsInMemory(data.samples, (size + sizeof(float) - 1) / sizeof(float)));
  data.pixels.resize(data.samples * size);
  Sha256 contents;
  for (size_t i = 0; i < folder.images.size(); ++i) {
    RETURN_IF_ERROR(ReadImage(folder.images[i], spec, &contents, data.pixels.data() + i * size));
    data.labels.push_back(static_cast<float>(folder.images[i].label));
  }
  folder.identity.sha256 = contents.Hex();
  data.files = {std::move(folder.identity)};
  return data;
}

}  // namespace paracord
