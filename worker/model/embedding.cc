#include "worker/model/embedding.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status.h"

namespace paracord {

absl::Status Embedding::Prepare(Device& device) {
  if (shares_rows()) return absl::OkStatus();
  std::vector<float> offsets;
  int64_t offset = 0;
  for (const int64_t vocabulary : spec().vocabularies) {
    offsets.push_back(static_cast<float>(offset));
    offset += vocabulary;
  }
  ASSIGN_OR_RETURN(offsets_, device.Allocate(ids()));
  return device.CopyIn(offsets.data(), ids(), offsets_.data());
}

int64_t Embedding::ids() const {
  return reads_all() ? inputs() : static_cast<int64_t>(spec().columns.size());
}

int64_t Embedding::ScratchOfIds(int64_t rows) const {
  return reads_all() && shares_rows() ? 0 : rows * ids();
}

// A sum takes the rows that were looked up, and a copy of those of one column.
int64_t Embedding::ScratchFloats(const Ops& ops, int64_t rows) const {
  return ScratchOfIds(rows) + (spec().sum ? rows * (ids() + 1) * spec().units : 0);
}

const float* Embedding::Chosen(const Ops& ops, int64_t rows, const float* input,
                               float* scratch) const {
  if (reads_all()) return input;
  runs_.Gather(ops, rows, inputs(), input, scratch);
  return scratch;
}

const float* Embedding::Places(const Ops& ops, int64_t rows, const float* input,
                               float* scratch) const {
  const float* chosen = Chosen(ops, rows, input, scratch);
  if (shares_rows()) return chosen;
  ops.AddToRows(rows, ids(), chosen, offsets_.data(), scratch);
  return scratch;
}

absl::Status Embedding::CheckInput(const Ops& ops, int64_t rows, const float* input,
                                   float* scratch) const {
  if (shares_rows()) {
    return CheckIds(ops, rows, 0, ids(), spec().vocabulary, Chosen(ops, rows, input, scratch));
  }
  for (int64_t i = 0; i < ids(); ++i) {
    const int64_t column = reads_all() ? i : spec().columns[static_cast<size_t>(i)];
    ops.CopyRows(rows, 1, input + column, inputs(), scratch, 1);
    const int64_t vocabulary = spec().vocabularies[static_cast<size_t>(i)];
    RETURN_IF_ERROR(CheckIds(ops, rows, i, 1, vocabulary, scratch));
  }
  return absl::OkStatus();
}

// `ids` [rows, columns], of the chosen columns from the one numbered `first` on.
absl::Status Embedding::CheckIds(const Ops& ops, int64_t rows, int64_t first, int64_t columns,
                                 int64_t vocabulary, const float* ids) const {
  const auto last = static_cast<float>(vocabulary - 1);
  const int64_t bad = ops.FirstBadLabel({0, last, true}, rows * columns, ids);
  if (bad < 0) return absl::OkStatus();
  const int64_t chosen = first + bad % columns;
  return absl::InvalidArgumentError(
      absl::StrCat("value ", reads_all() ? chosen : spec().columns[static_cast<size_t>(chosen)],
                   " of row ", bad / columns, " is ", absl::StrFormat("%.9g", ops.Read(ids + bad)),
                   "; expected an id from 0 to ", vocabulary - 1));
}

void Embedding::Forward(const ForwardCall& call) const {
  const int64_t width = spec().units, count = call.rows * ids();
  const float* places = Places(call.ops, call.rows, call.input, call.scratch);
  if (!spec().sum) {
    return call.ops.EmbeddingForward(count, width, places, call.tensors[0], call.output);
  }
  float* found = call.scratch + ScratchOfIds(call.rows);
  float* one = found + count * width;
  call.ops.EmbeddingForward(count, width, places, call.tensors[0], found);
  call.ops.CopyRows(call.rows, width, found, ids() * width, call.output, width);
  for (int64_t i = 1; i < ids(); ++i) {
    call.ops.CopyRows(call.rows, width, found + i * width, ids() * width, one, width);
    call.ops.Add(call.rows * width, call.output, one, call.output);
  }
}

void Embedding::Backward(const BackwardCall& call) const {
  const int64_t width = spec().units, count = call.rows * ids();
  const float* places = Places(call.ops, call.rows, call.input, call.scratch);
  const float* gradient = call.output_gradient;
  if (spec().sum) {  // each row that was added has the sum's gradient
    float* spread = call.scratch + ScratchOfIds(call.rows);
    for (int64_t i = 0; i < ids(); ++i) {
      call.ops.CopyRows(call.rows, width, gradient, width, spread + i * width, ids() * width);
    }
    gradient = spread;
  }
  call.ops.EmbeddingBackward(count, spec().vocabulary, width, places, gradient, call.gradients[0]);
}

}  // namespace paracord
