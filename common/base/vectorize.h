// PARACORD_VECTORIZED before a function's definition: compiled for SSE2, AVX2 and AVX-512, the
// widest that the host has is taken when the program is loaded. For plain functions in a .cc: a
// template or inline one is not cloned reliably. What it calls in its loops must be
// PARACORD_INLINE, or it stays outside the clones and narrow.
//
// The bits stay the same for any width only in a file built with PARACORD_FLOAT_OPTIONS
// (CMakeLists.txt): AVX-512 brings FMA with it. Empty where there are no clones: sanitizers, clang,
// other processors, PARACORD_ONE_WIDTH.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(PARACORD_SANITIZED) && !defined(PARACORD_ONE_WIDTH)
#define PARACORD_VECTORIZED __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define PARACORD_VECTORIZED
#endif

// Inlined also into a clone for a wider processor. Works on functions and, after the parameters, on
// lambdas.
#define PARACORD_INLINE __attribute__((always_inline))

// Before a loop whose pointers may be equal but do not overlap otherwise: no checks at run time.
#if defined(__GNUC__) && !defined(__clang__)
#define PARACORD_NO_OVERLAP _Pragma("GCC ivdep")
#else
#define PARACORD_NO_OVERLAP
#endif
