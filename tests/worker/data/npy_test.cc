#include <cmath>
#include <cstring>

#include "tests/worker/data/data_files.h"

namespace paracord {
namespace {

using Catch::Contains;

// A file with this text in its header.
std::string NpyFile(const std::string& text, const std::string& values, int version = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(version);
  bytes += '\0';
  const uint32_t length = static_cast<uint32_t>(text.size());
  bytes.append(reinterpret_cast<const char*>(&length), version == 1 ? 2 : 4);
  return bytes + text + values;
}

std::string Header(const std::string& type, const std::string& shape) {
  return "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }   \n";
}

template <class Value>
std::string Bytes(const std::vector<Value>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(Value)};
}

struct NpyFiles {
  TemporaryFolder folder;
  std::string labels = folder.Write("y", NpyFile(Header("|u1", "(2,)"), {5, 6}));
  DatasetSpec With(const std::string& features) const {
    return NpySpec(folder.Write("x", features), labels);
  }
  std::string Error(const std::string& features) const { return ErrorOf(With(features)); }
};

TEST_CASE("arrays of every type that is read give the same floats, in every version") {
  const NpyFiles files;
  const std::vector<float> expected = {1, 2, 3, 4, 5, 250};
  const std::vector<std::pair<std::string, std::string>> arrays = {
      {"|u1", Bytes<uint8_t>({1, 2, 3, 4, 5, 250})},
      {"<i4", Bytes<int32_t>({1, 2, 3, 4, 5, 250})},
      {"<i8", Bytes<int64_t>({1, 2, 3, 4, 5, 250})},
      {"<f4", Bytes<float>({1, 2, 3, 4, 5, 250})},
      {"<f8", Bytes<double>({1, 2, 3, 4, 5, 250})}};
  for (const auto& [type, values] : arrays) {
    for (const int version : {1, 2, 3}) {
      const std::string file = NpyFile(Header(type, "(2, 3)"), values, version);
      CAPTURE(type, version);
      const auto data = MustOpen(files.With(file));
      CHECK(data->sample_shape() == Shape{3});
      CHECK(ReadAll(*data).features == expected);
      CHECK(ReadAll(*data).labels == std::vector<float>{5, 6});
      CHECK(ReadAll(*MustOpen(files.With(Gzip(file)), files.folder.Path("cache"))) ==
            ReadAll(*data));
    }
  }
}

TEST_CASE("the shape of samples and labels is that of the arrays without the first extent") {
  const NpyFiles files;
  CHECK(MustOpen(files.With(NpyFile(Header("|u1", "(2, 1, 2, 2)"), RandomBytes(1, 8))))
            ->sample_shape() == Shape{1, 2, 2});
  const std::string flat = NpyFile(Header("<f4", "(2,)"), Bytes<float>({1, 2}));
  CHECK(MustOpen(files.With(flat))->sample_shape() == Shape{1});
  const DatasetSpec spec = NpySpec(
      files.folder.Path("x"),
      files.folder.Write("z", NpyFile(Header("<f4", "(2, 2)"), Bytes<float>({1, 2, 3, 4}))));
  CHECK(MustOpen(spec)->label_floats() == 2);
  CHECK(ReadAll(*MustOpen(spec)).labels == std::vector<float>{1, 2, 3, 4});
}

TEST_CASE("a npy header that lies or asks for what is not read is refused") {
  const NpyFiles files;
  const auto error = [&](const std::string& text) {
    return files.Error(NpyFile(text, Bytes<float>({1, 2})));
  };
  CHECK(error(Header("<f4", "(2,)")).empty());
  CHECK(error("{\"shape\":(2,1),\"descr\":\"<f4\",\"fortran_order\":False}").empty());
  CHECK_THAT(error(Header("<f4", "(3,)")), Contains("x: the header announces [3] values"));
  CHECK_THAT(error(Header("<f4", "(1,)")), Contains("but 8 bytes follow"));
  CHECK_THAT(error(Header("<f4", "(4611686018427387904, 4)")), Contains("expected one or more"));
  CHECK_THAT(error(Header("<f4", "(2305843009213693953, 4)")), Contains("torn"));
  CHECK_THAT(error(Header("<f4", "(0,)")), Contains("found shape [0]"));
  CHECK_THAT(error(Header("<f4", "(-2, -1)")), Contains("found shape [-2, -1]"));
  CHECK_THAT(error(Header("<f4", "()")), Contains("found shape []"));
  CHECK_THAT(error(Header("<f4", "(1,1,1,1,1,1,1,1,2)")), Contains("'shape' with a value"));
  CHECK_THAT(error(Header(">f4", "(2,)")), Contains("found values of type '>f4'"));
  CHECK_THAT(error(Header("|O", "(2,)")), Contains("'|O'"));
  CHECK_THAT(error("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}"),
             Contains("found 'descr' with a value that cannot be read"));
  CHECK_THAT(error("{'descr': '<f4', 'fortran_order': True, 'shape': (2,)}"),
             Contains("found Fortran order"));
  CHECK_THAT(error("{'descr': '<f4', 'shape': (2,)}"), Contains("lacks one of"));
  CHECK_THAT(error("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x"),
             Contains("no dictionary"));
  CHECK_THAT(error("[]"), Contains("no dictionary"));
  const std::string whole = NpyFile(Header("<f4", "(2,)"), Bytes<float>({1, 2}));
  for (size_t size = 0; size < whole.size(); ++size) {
    CHECK_FALSE(files.Error(whole.substr(0, size)).empty());
  }
  CHECK_THAT(files.Error(whole + "x"), Contains("9 bytes follow"));
  CHECK_THAT(files.Error(NpyFile(Header("<f4", "(2,)"), "12345678", 4)), Contains("version 4"));
  CHECK_THAT(files.Error("not one of numpy's"), Contains("x: not a npy file"));
}

TEST_CASE("a npy value that is not finite as a float, or another number of labels, is refused") {
  const NpyFiles files;
  const auto error = [&](double value) {
    return files.Error(NpyFile(Header("<f8", "(2,)"), Bytes<double>({1, value})));
  };
  CHECK(error(1e38).empty());
  CHECK_THAT(error(1e39), Contains("x: value 1: found 1e+39; expected a finite number"));
  CHECK_THAT(error(NAN), Contains("value 1"));
  CHECK_THAT(files.Error(NpyFile(Header("|u1", "(3,)"), "abc")),
             Contains("y: found labels of shape [2]; expected 3 of them"));
}

}  // namespace
}  // namespace paracord
