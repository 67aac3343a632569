#include "worker/model/column_runs.h"

namespace paracord {

ColumnRuns::ColumnRuns(const std::vector<int64_t>& columns)
    : chosen_(static_cast<int64_t>(columns.size())) {
  for (const int64_t column : columns) {
    if (runs_.empty() || runs_.back().first + runs_.back().count != column) {
      runs_.push_back({column, 0});
    }
    ++runs_.back().count;
  }
}

void ColumnRuns::Gather(const Ops& ops, int64_t rows, int64_t columns, const float* from,
                        float* to) const {
  for (const Run& run : runs_) {
    ops.CopyRows(rows, run.count, from + run.first, columns, to, chosen_);
    to += run.count;
  }
}

void ColumnRuns::Scatter(const Ops& ops, int64_t rows, int64_t columns, const float* from,
                         float* to) const {
  for (const Run& run : runs_) {
    ops.CopyRows(rows, run.count, from, chosen_, to + run.first, columns);
    from += run.count;
  }
}

}  // namespace paracord
