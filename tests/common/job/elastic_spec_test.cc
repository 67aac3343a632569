// What a job file says of consistency, workers and balance.
#include <catch2/catch.hpp>

#include "common/job/consistency_spec.h"
#include "common/job/job_spec.h"
#include "common/job/parse_workers.h"

namespace paracord {
namespace {

using Mode = ConsistencySpec::Mode;

// A good job with these lines at its end.
ParsedJob Parse(const std::string& lines) {
  return ParseJob(
      "model: {input: [4], layers: [{linear: 3}], loss: softmax_cross_entropy}\n"
      "data: {train: {format: csv, path: a.csv, label: y}}\n"
      "train: {epochs: 2, batch_size: 10, virtual_workers: 8, optimizer: {kind: sgd}}\n" +
          lines + "\n",
      "/jobs");
}

std::string Errors(const std::string& lines) {
  std::string text;
  for (const ConfigError& error : Parse(lines).errors) text += ErrorString(error) + "\n";
  return text;
}

TEST_CASE("consistency is bsp unless it says otherwise; each form is read as it is written") {
  struct Case {
    std::string lines;
    Mode mode;
    uint32_t staleness, backup;
    std::string name;
  };
  const Case cases[] = {
      {"", Mode::kBsp, 0, 0, "bsp"},
      {"consistency: bsp", Mode::kBsp, 0, 0, "bsp"},
      {"consistency: {bsp: {backup: 1}}", Mode::kBsp, 0, 1, "bsp"},
      {"consistency:\n  bsp:\n    backup: 64", Mode::kBsp, 0, 64, "bsp"},
      {"consistency: {ssp: 3}", Mode::kSsp, 3, 0, "ssp(3)"},
      {"consistency: {ssp: 0}", Mode::kSsp, 0, 0, "ssp(0)"},
      {"consistency: async", Mode::kAsync, 0, 0, "async"},
  };
  for (const Case& c : cases) {
    INFO(c.lines);
    CHECK(Errors(c.lines) == "");
    const ConsistencySpec spec = Parse(c.lines).spec.consistency;
    CHECK(spec.mode == c.mode);
    CHECK(spec.staleness == c.staleness);
    CHECK(spec.backup == c.backup);
    CHECK(Name(spec) == c.name);
  }
}

TEST_CASE("a wrong consistency is told with what was found and what was expected") {
  const std::string expected = "; expected bsp, {bsp: {backup: 1}}, {ssp: 3} or async\n";
  CHECK(Errors("consistency: bps") == "line 4: consistency: found 'bps'" + expected);
  CHECK(Errors("consistency: [bsp]") == "line 4: consistency: found a list of 1" + expected);
  CHECK(Errors("consistency: {}") == "line 4: consistency: found a map" + expected);
  CHECK(Errors("consistency: {asynch: 1}") == "line 4: consistency: found a map" + expected);
  CHECK(Errors("consistency: {ssp: 1, bsp: 2}") == "line 4: consistency: found a map" + expected);
  CHECK(Errors("consistency: ssp") ==
        "line 4: consistency: found 'ssp' without its bound; expected as in {ssp: 3}\n");
  CHECK(Errors("consistency: {ssp: -1}") ==
        "line 4: consistency.ssp: found '-1'; expected a whole number from 0 to 1000000\n");
  CHECK(Errors("consistency: {ssp: few}") ==
        "line 4: consistency.ssp: found 'few'; expected a whole number from 0 to 1000000\n");
  CHECK(Errors("consistency: {bsp: {backup: 0}}") ==
        "line 4: consistency.bsp.backup: found '0'; expected a whole number from 1 to 64\n");
  CHECK(Errors("consistency: {bsp: {}}") ==
        "line 4: consistency.bsp.backup: missing; expected a whole number from 1 to 64\n");
  CHECK(Errors("consistency: {bsp: {backup: 1, backups: 2}}") ==
        "line 4: consistency.bsp.backups: unknown key; did you mean 'backup'?\n");
}

TEST_CASE("workers is a number, or a range whose least is one if left out") {
  struct Case {
    std::string lines;
    uint32_t least, most;
  };
  for (const Case& c :
       {Case{"", 1, 1}, Case{"workers: 8", 8, 8}, Case{"workers: {min: 2, max: 8}", 2, 8},
        Case{"workers: {max: 4}", 1, 4}, Case{"workers: {min: 3, max: 3}", 3, 3}}) {
    INFO(c.lines);
    CHECK(Errors(c.lines) == "");
    CHECK(Parse(c.lines).spec.min_workers == c.least);
    CHECK(Parse(c.lines).spec.workers == c.most);
  }
}

TEST_CASE("wrong workers are told with what was found and what was expected") {
  CHECK(Errors("workers: 9") ==
        "line 4: workers: found '9'; expected at most train.virtual_workers, which is 8\n");
  CHECK(Errors("workers: 0") ==
        "line 4: workers: found '0'; expected a whole number from 1 to 4096\n");
  CHECK(Errors("workers: {min: 1, max: 9}") ==
        "line 4: workers.max: found '9'; expected at most train.virtual_workers, which is 8\n");
  CHECK(Errors("workers: {min: 4, max: 2}") ==
        "line 4: workers.min: found '4'; expected at most workers.max, which is 2\n");
  CHECK(Errors("workers: {min: 2}") ==
        "line 4: workers.max: missing; expected a whole number from 1 to 4096\n");
  CHECK(Errors("workers: {min: 1, max: 4, mox: 5}") ==
        "line 4: workers.mox: unknown key; did you mean 'max'?\n");
}

TEST_CASE("balance is off or auto, and staleness_discount a number that is not negative") {
  CHECK(Parse("").spec.balance == false);
  CHECK(Parse("balance: off").spec.balance == false);
  CHECK(Parse("balance: auto").spec.balance == true);
  CHECK(Errors("balance: on") == "line 4: balance: found 'on'; expected one of off, auto\n");
  CHECK(Parse("").spec.staleness_discount == 0);
  CHECK(Parse("staleness_discount: 0.5").spec.staleness_discount == 0.5);
  CHECK(Errors("staleness_discount: -1") ==
        "line 4: staleness_discount: found '-1'; expected a number from 0 to 1000000\n");
}

TEST_CASE("what is not finite fails the job or skips the step, which the metrics then count") {
  CHECK_FALSE(Parse("").spec.skips_nonfinite);
  CHECK_FALSE(Parse("on_nonfinite: fail").spec.skips_nonfinite);
  CHECK(Parse("on_nonfinite: skip_step").spec.skips_nonfinite);
  CHECK(Errors("on_nonfinite: skip_step") == "");
  CHECK(Errors("on_nonfinite: skip") ==
        "line 4: on_nonfinite: found 'skip'; expected one of fail, skip_step\n");
  CHECK(Parse("on_nonfinite: skip_step").spec.MetricFloats() == Parse("").spec.MetricFloats() + 1);
}

TEST_CASE("of virtual workers that are wrong themselves workers says nothing") {
  const ParsedJob job = ParseJob(
      "model: {input: [4], layers: [{linear: 3}], loss: softmax_cross_entropy}\n"
      "data: {train: {format: csv, path: a.csv, label: y}}\n"
      "train: {epochs: 2, batch_size: 10, virtual_workers: some, optimizer: {kind: sgd}}\n"
      "workers: 100\n",
      "/jobs");
  REQUIRE(job.errors.size() == 1);
  CHECK(job.errors[0].path == "train.virtual_workers");
}

}  // namespace
}  // namespace paracord
