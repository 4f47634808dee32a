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

#define HISTORIAN_LOW_MASK (~(uint64_t)0 >> 1)

/* The sum of one octave: high * 2^63 + low, where low is below 2^63. */
typedef struct {
    uint64_t low, high;
} historian_octave_sum;

/* Read the pair of an octave. Others may add to it. */
HISTORIAN_INLINE historian_octave_sum historian_read_octave(const uint64_t *octave) {
    historian_octave_sum found;
    uint64_t sum, changes = historian_atomic_load_acquire(octave + 1), again = changes;
    do { /* again, if the second number has changed while the first one was read */
        changes = again;
        sum = historian_atomic_load_acquire(octave);
        again = historian_atomic_load_acquire(octave + 1);
    } while (again != changes);
    found.low = sum & HISTORIAN_LOW_MASK;
    found.high = changes + historian_is_behind(sum, changes);
    return found;
}

/* Write a pair that belongs to the caller. */
HISTORIAN_INLINE void historian_write_octave(uint64_t *octave, uint64_t low, uint64_t high) {
    octave[0] = low | high << 63;
    octave[1] = high;
}

/* Add a pair, to which others may add, to that of the same octave in a total of the caller. */
HISTORIAN_INLINE void historian_read_pair(uint64_t *total, const uint64_t *pair) {
    historian_octave_sum more = historian_read_octave(pair), so_far;
    if (!(more.low | more.high)) return;
    so_far = historian_read_octave(total);
    more.low += so_far.low;
    more.high += so_far.high + (more.low >> 63);
    historian_write_octave(total, more.low & HISTORIAN_LOW_MASK, more.high);
}

/* Add a digit, to which others may add, to a total of the caller, whose digits are below 2^32. Return what is carried
 * beyond the last digit: not 0 only if a file is damaged. */
HISTORIAN_INLINE uint64_t historian_read_digit(uint64_t *digits, size_t k, uint64_t digit) {
    for (; digit && k < HISTORIAN_SUM_DIGITS; k++) {
        uint64_t low = (digit & UINT32_MAX) + digits[k];
        digits[k] = low & UINT32_MAX;
        digit = (digit >> 32) + (low >> 32);
    }
    return digit;
}

/* Subtract what has been drained. Return 0 if it is more: then the sum is damaged, or another thread is just carrying a
 * digit. */
static int historian_subtract_sum(historian_sum *total, const historian_sum *drained) {
    uint64_t borrow = 0;
    for (size_t octave = 0; octave < HISTORIAN_OCTAVES; octave++) {
        historian_octave_sum all = historian_read_octave(total->octaves[octave]);
        historian_octave_sum less = historian_read_octave(drained->octaves[octave]);
        uint64_t low = all.low - less.low, high = all.high - less.high - (low >> 63);
        if (high >> 63) return 0;
        historian_write_octave(total->octaves[octave], low & HISTORIAN_LOW_MASK, high);
    }
    for (size_t k = 0; k < HISTORIAN_SUM_DIGITS; k++) {
        uint64_t digit = total->digits[k] - drained->digits[k] - borrow;
        borrow = digit >> 63;
        total->digits[k] = digit & UINT32_MAX;
    }
    return !borrow;
}

/* Write a sum that belongs to the caller as digits of 32 bits. Return how many it has. `sum` has no meaning then. */
static size_t historian_write_sum(historian_sum *sum, uint32_t *out) {
    uint64_t carry = 0;
    size_t end = 0;
    for (size_t octave = 0; octave < HISTORIAN_OCTAVES; octave++) {
        historian_octave_sum found;
        if (!(sum->octaves[octave][0] | sum->octaves[octave][1])) continue;
        found = historian_read_octave(sum->octaves[octave]);
        size_t position = HISTORIAN_SUM_OCTAVE_POSITION + octave;
        if (found.low) historian_add_at(sum->digits, position, found.low);
        if (found.high) historian_add_at(sum->digits, position + 63, found.high);
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
