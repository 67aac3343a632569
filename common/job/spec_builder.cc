#include "common/job/spec_builder.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/job/connect_layer.h"

namespace paracord {
namespace {

constexpr double kMostParameters = 0x1p40;  // 4 TiB of float32

double Values(const Shape& shape) {  // ShapeSize, for any extents
  double values = 1;
  for (const int64_t extent : shape) values *= static_cast<double>(extent);
  return values;
}

}  // namespace

std::string SpecBuilder::Append(LayerSpec layer, const std::string& name) {
  layer.place = static_cast<uint32_t>(spec_.layers.size());
  layer.input = shape_;
  layer.source = at_;
  layer.block = depth_ > 0 ? block_ : kNoBlock;
  layer.first_tensor = static_cast<uint32_t>(spec_.tensors.size());
  std::vector<TensorSpec> tensors;
  std::string wrong = ConnectLayer(&layer, &tensors);
  if (!wrong.empty()) return wrong;
  layer.tensor_count = static_cast<uint32_t>(tensors.size());
  for (TensorSpec& tensor : tensors) {
    parameters_ += Values(tensor.shape);
    tensor.name = absl::StrCat(name, ".", tensor.name);
    spec_.tensors.push_back(std::move(tensor));
  }
  wrong = CheckSize(layer);
  if (!wrong.empty()) return wrong;
  at_ = static_cast<int32_t>(layer.place);
  shape_ = layer.output;
  spec_.layers.push_back(std::move(layer));
  return "";
}

std::string SpecBuilder::CheckSize(const LayerSpec& layer) {
  if (parameters_ >= kMostParameters) {
    return absl::StrCat("found ", static_cast<uint64_t>(parameters_),
                        " parameters up to this layer; expected fewer than 2^40");
  }
  if (Values(layer.output) > kMostExtent) {
    return absl::StrCat("found an output of shape ", ShapeString(layer.output),
                        "; expected fewer than 2^31 values");
  }
  if (spec_.layers.size() >= kMostLayers) {
    return absl::StrCat("found more than ", kMostLayers,
                        " layers up to here; expected no more, repeats written out");
  }
  return "";
}

std::string SpecBuilder::AppendSum(int32_t source, int32_t second) {
  GoTo(second);
  const Shape other = shape_;
  GoTo(source);
  if (shape_ != other) {
    return absl::StrCat("found a body that gives ", ShapeString(shape_),
                        " and a shortcut that gives ", ShapeString(other),
                        "; expected equal shapes, to be added");
  }
  LayerSpec sum;
  sum.kind = LayerKind::kAdd;
  sum.second = second;
  return Append(sum, "");
}

std::string SpecBuilder::AppendConcat(int32_t source, int32_t second) {
  GoTo(second);
  const Shape other = shape_;
  GoTo(source);
  for (const Shape& shape : {shape_, other}) {
    if (shape.size() == 1) continue;
    return absl::StrCat("found a branch that gives ", ShapeString(shape),
                        "; expected flat ones, [n]; add flatten at its end");
  }
  LayerSpec concat;
  concat.kind = LayerKind::kConcat;
  concat.second = second;
  concat.units = other[0];
  return Append(concat, "");
}

void SpecBuilder::GoTo(int32_t layer) {
  at_ = layer;
  shape_ = layer == kModelInput ? spec_.input : spec_.layers[static_cast<size_t>(layer)].output;
}

}  // namespace paracord
