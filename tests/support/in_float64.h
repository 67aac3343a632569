// Turns a source file of worker/tensor or worker/model into one that computes in float64: the same
// text with `double` where it says `float`, in a namespace of its own. CMake puts this file before
// each of those in the library model_float64; float64_model.h is what tests see of it.
//
// What is included here keeps its floats: the standard library, abseil, and the rooms below, whose
// types both twins share. A header that is missing here does not compile when it comes later. For
// tests alone: `float` as a macro is no C++, though compilers take it.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <new>
#include <numbers>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/base/philox.h"
#include "common/base/status.h"
#include "common/job/connect_layer.h"
#include "common/job/job_spec.h"
#include "common/job/key_range.h"
#include "common/job/model_spec.h"
#include "tests/support/float64_model.h"
#include "worker/tensor/vector_math.h"

namespace paracord_float64 {
using namespace paracord;
}

#define paracord paracord_float64
#define float double
