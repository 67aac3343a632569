#include "worker/data/model_check.h"

#include "tests/support/model_of.h"
#include "tests/worker/data/data_files.h"

namespace paracord {
namespace {

using Catch::Contains;

// A model without layers: its outputs are its inputs; with `outputs`, a linear layer.
ModelSpec Model(const Shape& input, int64_t outputs, LossKind loss) {
  ModelSpec model;
  model.input = input;
  LayerSpec layer;
  layer.kind = LayerKind::kLinear;
  layer.input = input;
  layer.output = {outputs};
  model.layers = {layer};
  model.loss = loss;
  return model;
}

// Samples of two features with these labels.
struct Labelled {
  TemporaryFolder folder;
  std::string Check(const std::vector<std::string>& labels, const ModelSpec& model) const {
    std::string text = "a,b,y\n";
    for (const std::string& label : labels) text += "1,2," + label + "\n";
    DatasetSpec spec = CsvSpec(folder.Write("t.csv", text), "y");
    spec.line = 9;
    return std::string(CheckAgainstModel(*MustOpen(spec), spec, model).message());
  }
};

TEST_CASE(
    "data whose samples have as many values as the model has inputs suit it, whatever the shape") {
  const Labelled data;
  CHECK(data.Check({"0"}, Model({2}, 3, LossKind::kSoftmaxCrossEntropy)).empty());
  CHECK(data.Check({"0"}, Model({2, 1}, 3, LossKind::kSoftmaxCrossEntropy)).empty());
  CHECK_THAT(data.Check({"0"}, Model({3}, 3, LossKind::kSoftmaxCrossEntropy)),
             Contains("line 9: ") && Contains("t.csv: found samples of 2 values [2]") &&
                 Contains("[3] expects 3"));
}

TEST_CASE("softmax wants whole labels from 0 to below its outputs") {
  const Labelled data;
  const ModelSpec model = Model({2}, 3, LossKind::kSoftmaxCrossEntropy);
  CHECK(data.Check({"0", "2", "1"}, model).empty());
  CHECK_THAT(data.Check({"0", "3"}, model), Contains("whole numbers from 0 to 3") &&
                                                Contains("expects whole numbers from 0 to 2"));
  CHECK_THAT(data.Check({"-1", "1"}, model), Contains("whole numbers from -1 to 1"));
  CHECK_THAT(data.Check({"0.5", "1"}, model), Contains("found labels that are numbers from 0.5"));
  ModelSpec positions = model;
  positions.layers[0].output = {2, 3};
  CHECK_THAT(data.Check({"1"}, positions),
             Contains("found 1 label value(s) a sample") && Contains("over 3 output(s) expects 2"));
}

TEST_CASE("softmax over [length, classes] wants a label for each place") {
  const TemporaryFolder folder;
  ModelSpec model = Model({4}, 128, LossKind::kSoftmaxCrossEntropy);
  model.layers[0].output = {4, 128};
  const DatasetSpec spec = TextSpec(folder.Write("t", "some text"), 4, 4);
  const auto check = [&](const DatasetSpec& data, const ModelSpec& with) {
    return std::string(CheckAgainstModel(*MustOpen(data), data, with).message());
  };
  CHECK(check(spec, model).empty());
  model.layers[0].output = {2, 128};
  CHECK_THAT(check(spec, model), Contains("t: found 4 label value(s) a sample") &&
                                     Contains("over 128 output(s) expects 2"));
  model.layers[0].output = {4, 64};
  CHECK_THAT(check(spec, model), Contains("whole numbers from 0 to 63"));
  model.layers[0].output = {4};
  CHECK_THAT(check(spec, model), Contains("expects 1"));
}

TEST_CASE("mean squared error wants one label value for each output and takes any number") {
  const Labelled data;
  CHECK(data.Check({"-1000", "0.5"}, Model({2}, 1, LossKind::kMeanSquaredError)).empty());
  CHECK_THAT(data.Check({"1"}, Model({2}, 2, LossKind::kMeanSquaredError)),
             Contains("found 1 label value(s) a sample") && Contains("expects 2"));
}

TEST_CASE("binary cross-entropy wants labels from 0 to 1") {
  const Labelled data;
  const ModelSpec model = Model({2}, 1, LossKind::kBinaryCrossEntropy);
  CHECK(data.Check({"0", "1", "0.25"}, model).empty());
  CHECK_THAT(data.Check({"0", "2"}, model), Contains("expects numbers from 0 to 1"));
  CHECK_THAT(data.Check({"-0.5", "1"}, model), Contains("found labels that are numbers from -0.5"));
  CHECK_THAT(data.Check({"1"}, Model({2}, 2, LossKind::kBinaryCrossEntropy)),
             Contains("expects 2"));
}

TEST_CASE("the columns of an embedding hold ids of its vocabulary, in every sample") {
  const TemporaryFolder folder;
  ColumnSpec category, date;
  category.name = "c";
  category.kind = ColumnSpec::Kind::kWords;
  category.words = {"red", "blue"};
  date.name = "d";
  date.kind = ColumnSpec::Kind::kDate;
  date.parts = {DatePart::kMonth, DatePart::kWeekday};
  DatasetSpec spec = CsvSpec(folder.Write("t.csv",
                                          "c,d,n,y\nred,2001-01-01,0.5,1\npink,2001-01-02,0,1\n"
                                          "blue,2001-01-03,1,1\n"),
                             "y");
  spec.table.columns = {category, date};
  spec.line = 9;
  const auto check = [&](const std::string& embedding) {
    const ModelSpec model =
        ModelOf("[4]", "[{embedding: {" + embedding + ", width: 2}}, flatten, {linear: 1}]");
    return std::string(CheckAgainstModel(*MustOpen(spec), spec, model).message());
  };
  CHECK(check("columns: [0, 1], vocabulary: [3, 2]").empty());
  CHECK(check("columns: [0], vocabulary: 3").empty());
  CHECK_THAT(check("columns: [1, 0], vocabulary: [2, 2]"),
             Contains("line 9: ") &&
                 Contains("t.csv: value 0 (column 'c') of row 2 is 2; the model's embedding "
                          "expects an id from 0 to 1"));
  CHECK_THAT(check("columns: [2], vocabulary: 3"),
             Contains("value 2 (weekday of column 'd') of row 2 is 3; the"));
  CHECK_THAT(check("columns: [3], vocabulary: 3"),
             Contains("value 3 (column 'n') of row 0 is 0.5; the"));
  CHECK_THAT(check("vocabulary: [3, 2, 4, 1]"), Contains("value 3 (column 'n') of row 0 is 0.5"));
  spec.rows = {2, 0, false};
  CHECK_THAT(check("columns: [0], vocabulary: 2"), Contains("(column 'c') of row 2 is 2"));
  CHECK_THAT(
      std::string(
          CheckAgainstModel(*MustOpen(spec), spec, ModelOf("[3]", "[{linear: 1}]")).message()),
      Contains("found samples of 4 values [4] (0 column 'c', 1 month of column 'd', 2 "
               "weekday of column 'd', 3 column 'n'); the model's input [3]"));
}

TEST_CASE("bytes are ids of a vocabulary of 256, and of a smaller one if they are below it") {
  const TemporaryFolder folder;
  const DatasetSpec spec = TextSpec(folder.Write("t", "abcdeAbcd"), 4, 4);
  const auto check = [&](const std::string& vocabulary) {
    const ModelSpec model =
        ModelOf("[4]", "[{embedding: {vocabulary: " + vocabulary + ", width: 2}}, {linear: 128}]",
                "softmax_cross_entropy");
    return std::string(CheckAgainstModel(*MustOpen(spec), spec, model).message());
  };
  CHECK(check("256").empty());
  CHECK(check("102").empty());
  CHECK_THAT(check("100"), Contains("value 3 of row 0 is 100; the model's embedding expects an id "
                                    "from 0 to 99"));
  CHECK_THAT(check("[256, 66, 256, 256]"), Contains("value 1 of row 0 is 98"));
}

}  // namespace
}  // namespace paracord
