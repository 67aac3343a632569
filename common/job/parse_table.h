// The keys of a csv data set beside its path and label.
//
//   train: {format: csv, path: loans.csv.gz, label: 21, header: false, label_above: 1,
//           rows: {every: 5, except: 4}, missing: mean, standardize: true,
//           columns: {1: {vocabulary: 10}, 3: {vocabulary: [A34, A32]}, 4: {hash: 1000}, 9: ignore,
//                     begun: {date: [month, weekday, hour, day_of_year]},
//                     route: {cross: [from, to], hash: 5000}}}
//   test: {format: csv, path: loans.csv.gz, rows: {every: 5, at: 4}}
//
// A test set takes what it leaves out of these from the training set, and `columns`, `missing` and
// `standardize` always: one model reads both.
#pragma once

#include "common/base/config.h"
#include "common/job/job_spec.h"

namespace paracord {

// `rows: {every: N, at: I}` or `{every: N, except: I}` of a data set.
RowsSpec ParseRows(const ConfigNode& node);

// Fills label and table of a csv set. `train`: null, or the training set (csv too) of the test set
// that is read.
void ParseTable(const ConfigNode& node, const DatasetSpec* train, DatasetSpec* data);

}  // namespace paracord
