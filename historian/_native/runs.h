/* Counts in the encoding V2 of HdrHistogram: numbers of variable length, each a count or a run of zeros.
 *
 * A number has 7 bits to a byte, the lowest first. The highest bit of a byte says that another one follows; the ninth
 * byte has 8 bits. An even number is twice a count. An odd one, 2 * n - 1, is a run of n zeros.
 *
 * This header does not use Python. It reads nothing beyond the end of the bytes and allocates no memory.
 */
#ifndef HISTORIAN_RUNS_H
#define HISTORIAN_RUNS_H

#include <stddef.h>
#include <stdint.h>

#include "platform.h"

enum { HISTORIAN_LAST_SHIFT = 56 }; /* of the ninth byte */

typedef enum {
    HISTORIAN_RUNS_GOOD,
    HISTORIAN_RUNS_CUT_SHORT,
    HISTORIAN_RUNS_TOO_LONG, /* there are more indices than can be */
    HISTORIAN_RUNS_TOO_MANY  /* the counts add up to 2^63 or more */
} historian_runs_verdict;

typedef struct {
    size_t at;       /* offset after the last number that was read */
    size_t counts;   /* numbers that are counts, and not 0 */
    uint64_t length; /* indices that were encoded */
    int ones;        /* whether a single zero was encoded as a run */
} historian_runs;

/* Read a number; return 0 if it is cut short. */
HISTORIAN_INLINE int historian_read_number(const uint8_t *bytes, size_t end, size_t *at, uint64_t *number) {
    uint64_t found = 0;
    for (unsigned shift = 0; *at < end; shift += 7) {
        uint64_t byte = bytes[(*at)++];
        if (byte < 128 || shift == HISTORIAN_LAST_SHIFT) {
            *number = found | byte << shift;
            return 1;
        }
        found |= (byte & 127) << shift;
    }
    return 0;
}

/* Read all numbers from offset `at` to `end`. `indices` and `counts` get the counts that are not 0, unless they are
 * NULL: then this only tells how many there are. Stop at the first number that is cut short, or that leads to more than
 * `longest` indices or to too many values. */
static historian_runs_verdict historian_read_runs(const uint8_t *bytes, size_t at, size_t end, uint64_t longest,
                                                  int32_t *indices, int64_t *counts, historian_runs *runs) {
    uint64_t index = 0, number = 0, total = 0;
    size_t n = 0;
    historian_runs_verdict verdict = HISTORIAN_RUNS_GOOD;
    runs->ones = 0;
    while (at < end) {
        if (!historian_read_number(bytes, end, &at, &number)) {
            verdict = HISTORIAN_RUNS_CUT_SHORT;
            break;
        }
        if (number & 1) {
            index += (number >> 1) + 1; /* at most 2^63, beyond what is below 2^63 */
            runs->ones |= number == 1;
        } else {
            if (number && index < longest) {
                if (indices) {
                    indices[n] = (int32_t)index;
                    counts[n] = (int64_t)(number >> 1);
                }
                n++;
                total += number >> 1; /* both are below 2^63 */
            }
            index++;
        }
        if (index > longest) {
            verdict = HISTORIAN_RUNS_TOO_LONG;
            break;
        }
        if (total >> 63) {
            verdict = HISTORIAN_RUNS_TOO_MANY;
            break;
        }
    }
    runs->at = at;
    runs->counts = n;
    runs->length = index;
    return verdict;
}

#endif
