/* What the scans in registers (see bulk_wide.h) share. */
#ifndef HISTORIAN_BULK_HALVES_H
#define HISTORIAN_BULK_HALVES_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "bucket.h"
#include "bulk_plain.h"
#include "bulk_summary.h"
#include "platform.h"

enum {
    HISTORIAN_UPPER_SHIFT = HISTORIAN_INDEX_SHIFT - 32, /* above this bit, the upper half of b + A is the bucket */
    HISTORIAN_NEAR = 8 /* the estimate of the upper half is at most so much above it; a power of two */
};
#define HISTORIAN_UPPER_OFFSET 0xc2100000ULL /* the upper half of A[0]: moves index 0 to where its bucket is */

/* 2^20 (log2(1 + x) - x), from 0 to 1: coefficients of the polynomial of degree 6 whose largest error is the least,
 * 1.94; by Remez' algorithm. x is given times 2^20. The first one also has the slot of bucket 0, which is 1, and what
 * makes the estimate nowhere too small. */
#define HISTORIAN_LOG2_0 (1.93533 + (1 << HISTORIAN_UPPER_SHIFT) + 4.7)
#define HISTORIAN_LOG2_1 (463989.96866 * 0x1p-20)
#define HISTORIAN_LOG2_2 (-752658.49913 * 0x1p-40)
#define HISTORIAN_LOG2_3 (478697.67656 * 0x1p-60)
#define HISTORIAN_LOG2_4 (-289974.03083 * 0x1p-80)
#define HISTORIAN_LOG2_5 (126880.09173 * 0x1p-100)
#define HISTORIAN_LOG2_6 (-26939.07764f * 0x1p-120f)

/* Sums and extremes of a chunk. */
typedef struct {
    double upper, lower; /* what the upper and the lower halves of its values add up to */
    double min, max;     /* neither is NaN */
} historian_halves;

/* Add sum and extremes of a chunk. Return 0, and change nothing, if a value is NaN, infinite or negative. */
HISTORIAN_INLINE int historian_add_halves(historian_summary *summary, const historian_halves *halves,
                                          const double *values, size_t n) {
    uint64_t least, max = historian_bits(halves->max);
    if (halves->lower != halves->lower || halves->min < 0) return 0; /* the lower half of NaN and infinity is NaN */
    least = historian_add_extremes(summary, historian_bits(halves->min), max, values, n);
    if (HISTORIAN_LIKELY(historian_is_within(least, max, HISTORIAN_HALVES_OCTAVES))) {
        historian_add_value(summary->digits, historian_bits(halves->upper));
        historian_add_value(summary->digits, historian_bits(halves->lower));
    } else {
        historian_add_chunk(summary, least, max, values, n);
    }
    return 1;
}

#endif
