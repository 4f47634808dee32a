/* The scan of a chunk for all processors of x86-64: eight values at a time. */
#ifndef HISTORIAN_BULK_SSE2_H
#define HISTORIAN_BULK_SSE2_H

#include <emmintrin.h>

#include "bulk_halves.h"

#define TARGET
#define WIDTH 16
#define NAME(name) name##_sse2
#define UPPER_HALVES(a, b) ((INTS)_mm_shuffle_ps((__m128)(a), (__m128)(b), 0xdd))
#define TO_FLOATS(x) ((FLOATS)_mm_cvtepi32_ps((__m128i)(x)))
#define TO_INTS(x) ((INTS)_mm_cvtps_epi32((__m128)(x)))
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#define MIN_DOUBLES(a, b) ((DOUBLES)_mm_min_pd((__m128d)(a), (__m128d)(b)))
#define MAX_DOUBLES(a, b) ((DOUBLES)_mm_max_pd((__m128d)(a), (__m128d)(b)))
#define MIN_SHORTS(a, b) ((SHORTS)_mm_min_epi16((__m128i)(a), (__m128i)(b)))
#define MAX_SHORTS(a, b) ((SHORTS)_mm_max_epi16((__m128i)(a), (__m128i)(b)))
#define NARROW(a, b) ((SHORTS)_mm_packs_epi32((__m128i)(a), (__m128i)(b)))
#define ANY_TRUE(x) _mm_movemask_epi8((__m128i)(x))
#include "bulk_wide.h"

#endif
