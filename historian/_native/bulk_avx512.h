/* The scan of a chunk for processors with AVX-512, which have twice as many registers, so all numbers that a scan needs
 * stay there. Registers of 64 bytes would not be faster: on a Zen 4, they took 1.1 times as long. */
#ifndef HISTORIAN_BULK_AVX512_H
#define HISTORIAN_BULK_AVX512_H

#include <immintrin.h>

#include "bulk_halves.h"

#define TARGET __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")))
#define NAME(name) name##_avx512
#include "bulk_256.h"

#endif
