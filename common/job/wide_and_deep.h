// The layers of the preset wide_and_deep, for tables with categorical columns. The output is the
// sum of two parts:
//
//   wide   linear in the numbers, plus a weight for each id of each category and each cross;
//   deep   the numbers and the categories' vectors side by side, then hidden layers with relu.
//
// Tensors of the tables: "wide.weight" and "categories.weight", the columns' rows one behind the
// other.
//
// Source: Cheng et al., "Wide & Deep Learning for Recommender Systems", DLRS 2016.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace paracord {

struct WideAndDeep {
  int64_t columns = 0;  // of a sample; what is neither a category nor a cross is a number
  // Column, from 0, to how many ids it has. Crosses are known to the wide part alone.
  std::map<int64_t, int64_t> categories, crosses;
  int64_t width = 8;  // of a category's vector
  std::vector<int64_t> hidden = {64, 32};
  int64_t outputs = 1;
  double dropout = 0;  // after each hidden layer
};

// Each as YAML, on one line. One category at least.
std::vector<std::string> LayersOf(const WideAndDeep& model);

}  // namespace paracord
