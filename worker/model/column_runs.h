// Chosen columns of rows, as runs of neighbours: what the device copies at once.
#pragma once

#include <cstdint>
#include <vector>

#include "worker/tensor/ops.h"

namespace paracord {

class ColumnRuns {
 public:
  explicit ColumnRuns(const std::vector<int64_t>& columns);

  // to [rows, chosen] = the chosen columns of from [rows, columns], in their order.
  void Gather(const Ops& ops, int64_t rows, int64_t columns, const float* from, float* to) const;
  // The way back; the other columns of `to` [rows, columns] stay as they are.
  void Scatter(const Ops& ops, int64_t rows, int64_t columns, const float* from, float* to) const;

 private:
  struct Run {
    int64_t first, count;
  };
  std::vector<Run> runs_;
  int64_t chosen_;
};

}  // namespace paracord
