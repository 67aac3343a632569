// libFuzzer's entry to one parser of data_parsers.h, PARACORD_PARSER: a binary for each.
#include "common/base/log.h"
#include "tests/fuzz/data_parsers.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  paracord::fuzz::PARACORD_PARSER({reinterpret_cast<const char*>(data), size});
  return 0;
}

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  paracord::SetLogLevel(paracord::LogLevel::kError);
  return 0;
}
