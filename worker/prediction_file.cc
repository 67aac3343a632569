#include "worker/prediction_file.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/npy_header.h"
#include "common/base/status.h"
#include "worker/tensor/vector_math.h"

namespace paracord {
namespace {

void Softmax(float* row, int64_t count) {
  const float largest = *std::max_element(row, row + count);
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    row[i] = Exp(row[i] - largest);
    sum += static_cast<double>(row[i]);
  }
  for (int64_t i = 0; i < count; ++i) {
    row[i] = static_cast<float>(static_cast<double>(row[i]) / sum);
  }
}

// As a field of csv.
std::string Field(const std::string& name) {
  if (name.find_first_of(",\"\r\n") == std::string::npos) return name;
  return absl::StrCat("\"", absl::StrReplaceAll(name, {{"\"", "\"\""}}), "\"");
}

void AppendNumber(float value, std::string* text) {
  char digits[32];
  const auto [end, error] = std::to_chars(digits, digits + sizeof(digits), value);
  text->append(digits, error == std::errc() ? end : digits);
}

}  // namespace

void ToProbabilities(LossKind loss, float* row, int64_t count) {
  if (loss == LossKind::kSoftmaxCrossEntropy) {
    Softmax(row, count);
  } else if (loss == LossKind::kBinaryCrossEntropy) {
    std::transform(row, row + count, row, [](float logit) { return Sigmoid(logit); });
  }
}

PredictionFile::PredictionFile(const std::string& path, const PredictionLayout& layout)
    : file_(path), layout_(layout), is_npy_(absl::EndsWith(path, ".npy")) {
  const int64_t outputs = ShapeSize(layout.output);
  const bool softmax = layout.loss == LossKind::kSoftmaxCrossEntropy;
  columns_ = softmax ? layout.output.back() : outputs;
  positions_ = outputs / columns_;
  has_class_ = softmax || (layout.loss == LossKind::kBinaryCrossEntropy && outputs == 1);
}

absl::StatusOr<std::unique_ptr<PredictionFile>> PredictionFile::Open(
    const std::string& path, const PredictionLayout& layout) {
  std::unique_ptr<PredictionFile> file(new PredictionFile(path, layout));
  RETURN_IF_ERROR(file->file_.Open());
  RETURN_IF_ERROR(file->file_.Append(file->Header()));
  return file;
}

std::string PredictionFile::Header() const {
  if (is_npy_) {
    Shape shape = {static_cast<int64_t>(layout_.samples)};
    shape.insert(shape.end(), layout_.output.begin(), layout_.output.end());
    return NpyFloatHeader(shape);
  }
  const char* letter = layout_.loss == LossKind::kMeanSquaredError ? "v"
                       : layout_.logits                            ? "z"
                                                                   : "p";
  std::string line =
      absl::StrCat("sample", positions_ > 1 ? ",position" : "", has_class_ ? ",class" : "");
  for (int64_t i = 0; i < columns_; ++i) absl::StrAppend(&line, ",", letter, i);
  return line + "\n";
}

int64_t PredictionFile::ClassOf(const float* row) const {
  if (!has_class_) return -1;
  if (columns_ == 1) return row[0] >= (layout_.logits ? 0.0f : 0.5f) ? 1 : 0;
  return std::max_element(row, row + columns_) - row;
}

absl::Status PredictionFile::Add(float* outputs, int64_t rows) {
  std::string text;
  const int64_t lines = rows * positions_;
  for (int64_t line = 0; line < lines; ++line) {
    float* row = outputs + line * columns_;
    if (!layout_.logits) ToProbabilities(layout_.loss, row, columns_);
    if (!is_npy_) AppendLine(line % positions_, row, ClassOf(row), &text);
    if (line % positions_ + 1 == positions_) ++sample_;
  }
  if (!is_npy_) return file_.Append(text);
  return file_.Append({reinterpret_cast<const char*>(outputs),
                       static_cast<size_t>(lines * columns_) * sizeof(float)});
}

void PredictionFile::AppendLine(int64_t position, const float* row, int64_t predicted,
                                std::string* text) const {
  if (layout_.names.empty()) absl::StrAppend(text, sample_);
  if (!layout_.names.empty()) absl::StrAppend(text, Field(layout_.names[sample_]));
  if (positions_ > 1) absl::StrAppend(text, ",", position);
  if (predicted >= 0) absl::StrAppend(text, ",", predicted);
  for (int64_t i = 0; i < columns_; ++i) {
    text->push_back(',');
    AppendNumber(row[i], text);
  }
  text->push_back('\n');
}

}  // namespace paracord
