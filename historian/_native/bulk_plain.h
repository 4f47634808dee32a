/* The scan of a chunk (see bulk_scan.h), value by value: for what is left after the last whole register, and for
 * processors whose registers are not used. */
#ifndef HISTORIAN_BULK_PLAIN_H
#define HISTORIAN_BULK_PLAIN_H

#include <stddef.h>
#include <stdint.h>

#include "bucket.h"
#include "bulk_summary.h"
#include "bulk_tables.h"
#include "platform.h"

static int historian_scan_plain(historian_summary *summary, uint16_t *slots, double *copy, const double *values,
                                size_t n, historian_meanwhile meanwhile) {
    uint64_t max = 0, min = UINT64_MAX;
    for (size_t i = 0; i < n; i++) copy[i] = *(const volatile double *)(values + i);
    for (size_t i = 0; i < n; i++) {
        uint64_t bits = historian_bits(copy[i] + 0.0); /* -0.0 becomes 0.0 */
        uint64_t bucket = historian_bucket(bits);
        max = bits > max ? bits : max;
        min = bits < min ? bits : min;
        bucket = bucket < HISTORIAN_BUCKETS ? bucket : HISTORIAN_BUCKETS;
        slots[i] = (uint16_t)(bits <= HISTORIAN_TINY_BITS ? HISTORIAN_ZERO_SLOT : bucket + 1);
    }
    if (max > HISTORIAN_MAX_BITS) return 0; /* the bits of a bad value are above those of any good one */
    historian_add_chunk(summary, historian_add_extremes(summary, min, max, copy, n), max, copy, n);
    if (meanwhile.counts) historian_count_slots(meanwhile.counts, slots, n);
    return 1;
}

#endif
