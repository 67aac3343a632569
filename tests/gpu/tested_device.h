// The GPU that test_gpu tests.
#pragma once

#include "worker/tensor/device.h"

namespace paracord {

// Opens the first GPU; with PARACORD_TEST_APART=1 an ApartDevice instead. Not OK: there is none.
absl::Status OpenTestedDevice();
Device& TestedDevice();  // after that

// How often what must have the same bits is computed: PARACORD_TEST_REPEATS, 20 if not set.
int Repeats();

}  // namespace paracord
