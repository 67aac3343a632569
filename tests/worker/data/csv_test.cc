#include "tests/worker/data/data_files.h"

namespace paracord {
namespace {

using Catch::Contains;

struct CsvFile {
  TemporaryFolder folder;
  DatasetSpec With(const std::string& text, const std::string& label = "y") const {
    return CsvSpec(folder.Write("t.csv", text), label);
  }
  std::string Error(const std::string& text, const std::string& label = "y") const {
    return ErrorOf(With(text, label));
  }
};

TEST_CASE("every csv column but the label is a feature, in the order of the file") {
  const CsvFile file;
  const auto data = MustOpen(file.With("a,y,b\n1,2.5,-3e2\n.5,-1,+4\n"));
  CHECK(data->samples() == 2);
  CHECK(data->sample_shape() == Shape{2});
  CHECK(data->min_label() == -1);
  CHECK(data->max_label() == 2.5);
  CHECK_FALSE(data->integer_labels());
  CHECK(ReadAll(*data, 2).features == std::vector<float>{2, -600, 1, 8});
  CHECK(ReadAll(*data, 2).labels == std::vector<float>{2.5, -1});
}

TEST_CASE(
    "quotes, blanks, CRLF, empty lines, a byte-order mark and a missing last line end change "
    "nothing") {
  const CsvFile file;
  const Values plain = ReadAll(*MustOpen(file.With("a,y,b\n1,2,3\n4,5,6\n")));
  for (const std::string text :
       {"a,y,b\r\n1,2,3\r\n4,5,6\r\n", "a,y,b\n1,2,3\n4,5,6",
        "\xef\xbb\xbf"
        "a,y,b\n1,2,3\n4,5,6\n",
        "\"a\",\"y\",\"b, in \"\"cm\"\"\n and more\"\n\"1\",\"2\",\"3\"\n\n 4,5\t, 6 \n\r\n"}) {
    INFO(text);
    CHECK(ReadAll(*MustOpen(file.With(text))) == plain);
  }
  CHECK(ReadAll(*MustOpen(file.With(Gzip("a,y,b\n1,2,3\n4,5,6\n")))) == plain);
}

TEST_CASE(
    "a quoted column name may hold the comma, the quotes and the line end that it stands for") {
  const CsvFile file;
  const auto data =
      MustOpen(file.With("a,\"b, in \"\"cm\"\"\nwide\"\n1,2\n", "b, in \"cm\"\nwide"));
  CHECK(ReadAll(*data).labels == std::vector<float>{2});
}

TEST_CASE("a csv field that is no finite number is refused with line, column and what was found") {
  const CsvFile file;
  const auto error = [&](const std::string& field) {
    return file.Error("a,y,b\n1,2,3\n4,5," + field + "\n");
  };
  const std::string where = "t.csv: line 3: column 'b': ";
  CHECK_THAT(error("cat"), Contains(where + "found 'cat'; expected a number"));
  CHECK_THAT(error("1.5x"), Contains(where + "found '1.5x'"));
  CHECK_THAT(error(""), Contains(where + "found nothing"));
  CHECK_THAT(error("  "), Contains(where + "found nothing"));
  CHECK_THAT(error("nan"), Contains(where + "found 'nan'") && Contains("finite"));
  CHECK_THAT(error("-inf"), Contains(where + "found '-inf'") && Contains("finite"));
  CHECK_THAT(error("1e39"), Contains(where + "found '1e39'") && Contains("finite"));
  CHECK_THAT(error("1e999"), Contains(where + "found '1e999'") && Contains("finite"));
  CHECK_THAT(error("+-1"), Contains(where + "found '+-1'"));
  CHECK_THAT(error("0x10"), Contains(where + "found '0x10'"));
  CHECK_THAT(error("\x01\xff"), Contains(where + "found '\\001"));
  CHECK_THAT(file.Error("a,y\n1,\n"), Contains("line 2: column 'y': found nothing"));
}

TEST_CASE("a csv row of another length than the header is refused with its line") {
  const CsvFile file;
  CHECK_THAT(file.Error("a,y\n1,2\n3\n"), Contains("line 3: found 1 fields; expected 2"));
  CHECK_THAT(file.Error("a,y\n1,2\n3,4,\n"), Contains("line 3: found 3 fields; expected 2"));
}

TEST_CASE("a csv file without the label column is refused with what is there and what is near") {
  const CsvFile file;
  CHECK_THAT(file.Error("age,income\n1,2\n", "incom"), Contains("line 1: no column 'incom'") &&
                                                           Contains("found 'age,income'") &&
                                                           Contains("did you mean 'income'?"));
  CHECK_THAT(file.Error("y,a,y\n1,2,3\n"), Contains("two columns are called 'y'"));
  CHECK_THAT(file.Error("y\n1\n"), Contains("found only the label"));
}

TEST_CASE("a csv file without rows is refused") {
  const CsvFile file;
  CHECK_THAT(file.Error(""), Contains("expected a header row"));
  CHECK_THAT(file.Error("a,y\n\n"), Contains("expected rows after the header"));
}

TEST_CASE("quotes that do not fit are refused with their line") {
  const CsvFile file;
  CHECK_THAT(file.Error("a,y\n1,\"2\n3,4\n"), Contains("quote opened in line 2 is not closed"));
  CHECK_THAT(file.Error("a,y\n1,\"2\"3\n"), Contains("line 2: found text after the closing quote"));
  CHECK_THAT(file.Error("a,y\n1,2\"3\n"), Contains("line 2: found a quote inside"));
}

TEST_CASE("a line without end is no text") {
  const CsvFile file;
  CHECK_THAT(file.Error(Gzip(std::string(80 << 20, 'a'))), Contains("longer than 64 MiB"));
}

}  // namespace
}  // namespace paracord
