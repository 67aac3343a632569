// PARACORD_HD before a function: also compiled for a GPU, where the file goes through nvcc. Such a
// function calls only others of its kind, and constexpr ones.
#pragma once

#ifdef __CUDACC__
#define PARACORD_HD __host__ __device__
#else
#define PARACORD_HD
#endif
