// A row of a table for each id of a sample, or for those in some of its columns; or the sum of
// these rows. Ids are whole numbers stored as floats. Tensor: weight [vocabulary, width]. Where
// each column has a vocabulary of its own, its rows stand behind those of the columns before it.
#pragma once

#include <vector>

#include "worker/model/column_runs.h"
#include "worker/model/layer.h"

namespace paracord {

class Embedding final : public Layer {
 public:
  explicit Embedding(const LayerSpec& spec) : Layer(spec), runs_(spec.columns) {}

  absl::Status Prepare(Device& device) override;
  bool reads_input() const override { return true; }
  int64_t ScratchFloats(const Ops& ops, int64_t rows) const override;
  absl::Status CheckInput(const Ops& ops, int64_t rows, const float* input,
                          float* scratch) const override;
  void Forward(const ForwardCall& call) const override;
  void Backward(const BackwardCall& call) const override;

 private:
  bool reads_all() const { return spec().columns.empty(); }
  bool shares_rows() const { return spec().vocabularies.empty(); }
  // How many ids a sample has that are looked up.
  int64_t ids() const;
  int64_t ScratchOfIds(int64_t rows) const;
  // Ids of the chosen columns, [rows, ids()], as they are: `input` or `scratch`.
  const float* Chosen(const Ops& ops, int64_t rows, const float* input, float* scratch) const;
  // The rows of the table that they name.
  const float* Places(const Ops& ops, int64_t rows, const float* input, float* scratch) const;
  absl::Status CheckIds(const Ops& ops, int64_t rows, int64_t first, int64_t columns,
                        int64_t vocabulary, const float* ids) const;

  const ColumnRuns runs_;
  Buffer offsets_;  // [ids()], of each column's rows in the table; unless all share them
};

}  // namespace paracord
