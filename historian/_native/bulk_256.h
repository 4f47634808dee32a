/* The scan of a chunk in registers of 32 bytes, sixteen values at a time: a part of bulk_avx2.h and bulk_avx512.h,
 * which define TARGET and NAME. */
#define WIDTH 32
#define UPPER_HALVES(a, b) ((INTS)_mm256_shuffle_ps((__m256)(a), (__m256)(b), 0xdd))
#define TO_FLOATS(x) ((FLOATS)_mm256_cvtepi32_ps((__m256i)(x)))
#define TO_INTS(x) ((INTS)_mm256_cvtps_epi32((__m256)(x)))
#define MULTIPLY_ADD(a, b, c) ((FLOATS)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#define MIN_DOUBLES(a, b) ((DOUBLES)_mm256_min_pd((__m256d)(a), (__m256d)(b)))
#define MAX_DOUBLES(a, b) ((DOUBLES)_mm256_max_pd((__m256d)(a), (__m256d)(b)))
#define MIN_SHORTS(a, b) ((SHORTS)_mm256_min_epi16((__m256i)(a), (__m256i)(b)))
#define MAX_SHORTS(a, b) ((SHORTS)_mm256_max_epi16((__m256i)(a), (__m256i)(b)))
#define NARROW(a, b) ((SHORTS)_mm256_packs_epi32((__m256i)(a), (__m256i)(b)))
#define ANY_TRUE(x) _mm256_movemask_epi8((__m256i)(x))
#include "bulk_wide.h"
