/* The scan of a chunk for processors with AVX2 and FMA. */
#ifndef HISTORIAN_BULK_AVX2_H
#define HISTORIAN_BULK_AVX2_H

#include <immintrin.h>

#include "bulk_halves.h"

#define TARGET __attribute__((target("avx2,fma")))
#define NAME(name) name##_avx2
#include "bulk_256.h"

#endif
