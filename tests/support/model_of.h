// Model specs for tests, from the model section of a job file.
#pragma once

#include <catch2/catch.hpp>
#include <string>

#include "common/job/parse_model.h"

namespace paracord {

inline ModelSpec ModelOf(const std::string& section) {
  const ConfigReader reader(section);
  const ParsedModel model = ParseModel(reader.root());
  INFO(section);
  for (const ConfigError& error : reader.errors()) FAIL(ErrorString(error));
  return model.spec;
}

// "[4, 3]", "[flatten, {linear: 2}]".
inline ModelSpec ModelOf(const std::string& input, const std::string& layers,
                         const std::string& loss = "mse") {
  return ModelOf("input: " + input + "\nlayers: " + layers + "\nloss: " + loss + "\n");
}

}  // namespace paracord
