// One macro for hot loops: compiled once for each vector width, picked when the program is loaded.
//
// Every clone gives the same bits, because the room is compiled with -ffp-contract=off and every
// sum that crosses elements has an order of its own (see fixed_order.h). Empty where the loader's
// dispatch does not work: under sanitizers, and with compilers other than gcc.
#pragma once

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && !defined(PARACORD_SANITIZED)
#define PARACORD_VECTOR_CLONES __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define PARACORD_VECTOR_CLONES
#endif
