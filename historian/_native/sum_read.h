/* How sums (see sum.h) are read while others add to them, added up, subtracted, and written as one number.
 *
 * Modules that only record do not include this.
 */
#ifndef HISTORIAN_SUM_READ_H
#define HISTORIAN_SUM_READ_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "atomics.h"
#include "bucket.h"
#include "platform.h"
#include "sum.h"

HISTORIAN_INLINE uint64_t historian_take_word(uint64_t *word, int take) {
    uint64_t x = historian_atomic_load_acquire(word);
    return take && x ? historian_atomic_exchange(word, 0) : x;
}

/* Add what `sum` holds to `total`, which belongs to the caller. With `take`, set `sum` to 0. In `total`, all words but
 * the second of an octave are below 2^32. */
static void historian_read_sum(historian_sum *total, historian_sum *sum, int take) {
    uint64_t carry = 0;
    for (size_t octave = 0; octave < HISTORIAN_OCTAVES; octave++) {
        uint64_t high = historian_take_word(&sum->octaves[octave][1], take); /* first: see above */
        uint64_t low = historian_take_word(&sum->octaves[octave][0], take);
        if (!(low | high)) continue;
        low += total->octaves[octave][0];
        total->octaves[octave][0] = low & UINT32_MAX;
        total->octaves[octave][1] += high + (low >> 32);
    }
    for (size_t k = 0; k < HISTORIAN_SUM_DIGITS; k++) {
        uint64_t digit = historian_take_word(&sum->digits[k], take);
        carry += (digit & UINT32_MAX) + total->digits[k];
        total->digits[k] = carry & UINT32_MAX;
        carry = (carry >> 32) + (digit >> 32);
    }
}

/* Subtract what has been drained, where `total` is what historian_read_sum has read. A record in flight may be in the
 * first and only in part in the second one. Then 0 is left, and the rest is found later. */
static void historian_subtract_sum(historian_sum *total, const historian_sum *drained) {
    uint64_t borrow = 0;
    for (size_t octave = 0; octave < HISTORIAN_OCTAVES; octave++) {
        uint64_t *words = total->octaves[octave], low = words[0] - drained->octaves[octave][0];
        words[0] = low & UINT32_MAX;
        words[1] -= drained->octaves[octave][1] + (low >> 63); /* modulo 2^64, as it counts */
        if (words[1] >> 63) words[0] = words[1] = 0;
    }
    for (size_t k = 0; k < HISTORIAN_SUM_DIGITS; k++) {
        uint64_t digit = total->digits[k] - drained->digits[k] - borrow;
        borrow = digit >> 63;
        total->digits[k] = digit & UINT32_MAX;
    }
    if (borrow) memset(total->digits, 0, sizeof total->digits);
}

/* Write a sum that belongs to the caller as digits of 32 bits. Return how many it has. `sum` has no meaning then. */
static size_t historian_write_sum(historian_sum *sum, uint32_t *out) {
    uint64_t carry = 0;
    size_t end = 0;
    for (size_t octave = 0; octave < HISTORIAN_OCTAVES; octave++) {
        const uint64_t *words = sum->octaves[octave];
        size_t position = HISTORIAN_SUM_OCTAVE_POSITION + octave;
        if (words[0]) historian_add_at(sum->digits, position, words[0]);
        if (words[1]) historian_add_at(sum->digits, position + 32, words[1]);
    }
    for (size_t k = 0; k < HISTORIAN_SUM_DIGITS; k++) {
        carry += sum->digits[k];
        out[k] = (uint32_t)carry;
        if (out[k]) end = k + 1;
        carry >>= 32;
    }
    return end;
}

#endif
