/* The buckets of a histogram as fields of io.prometheus.client.Histogram, in the encoding of protobuf.
 *
 *     bucket = 3          Bucket {cumulative_count = 1, upper_bound = 2}    a classic bucket, for each edge asked for
 *     positive_span = 12  BucketSpan {offset = 1, length = 2}               a run of buckets
 *     positive_delta = 13 packed, zigzag                                    each count less the one before
 *
 * The offset of the first span is the number of a bucket. The offset of each other span is the number of buckets
 * between it and the span before. A gap of at most HISTORIAN_FILLED_GAP empty buckets is filled with counts of 0,
 * which take fewer bytes than a span. Bucket n of Prometheus' schema 6 holds the values in (2^((n-1)/64), 2^(n/64)],
 * so it is the bucket of slot n + 2048. Slot 0 is Prometheus' zero bucket, which has a field of its own. Values above
 * 2^64 are counted in the bucket that ends at infinity: any other would say how large they are at most.
 *
 * This header does not use Python.
 */
#ifndef HISTORIAN_NATIVE_BUCKETS_H
#define HISTORIAN_NATIVE_BUCKETS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "bucket.h"
#include "platform.h"

enum {
    HISTORIAN_FILLED_GAP = 2,
    /* Bucket 64 * 1024 ends at the largest float64, the next one at infinity. */
    HISTORIAN_INFINITE_BUCKET = 64 * 1024 + 1,
    HISTORIAN_VARINT_NBYTES = 10, /* of the largest number */
    HISTORIAN_SPAN_NBYTES = 2 + (1 + 3) + (1 + 2),
    HISTORIAN_EDGE_NBYTES = 1 + 8, /* an upper bound: its tag and a float64, little-endian */
    HISTORIAN_CLASSIC_NBYTES = 2 + 1 + HISTORIAN_VARINT_NBYTES + HISTORIAN_EDGE_NBYTES
};

/* The most bytes that the buckets of `slots` slots take, with `edges` classic buckets, both of type size_t. Spans are
 * at least three empty slots and a populated one apart; one more is for overflow. */
#define HISTORIAN_SPANS_NBYTES(slots) (((slots) / (HISTORIAN_FILLED_GAP + 2) + 2) * HISTORIAN_SPAN_NBYTES)
#define HISTORIAN_NATIVE_NBYTES(slots, edges) \
    ((edges) * HISTORIAN_CLASSIC_NBYTES + HISTORIAN_SPANS_NBYTES(slots) + 1 + ((slots) + 2) * HISTORIAN_VARINT_NBYTES)

/* The counts of slots: totals[j] values lie in slots up to first + j. */
typedef struct {
    const uint64_t *totals;
    int first, length;
} historian_running;

HISTORIAN_INLINE uint64_t historian_total_through(const historian_running *counts, int slot) {
    int j = slot - counts->first;
    if (j < 0 || !counts->length) return 0;
    return counts->totals[j < counts->length ? j : counts->length - 1];
}

HISTORIAN_INLINE uint8_t *historian_put_varint(uint8_t *at, uint64_t n) {
    for (; n >= 128; n >>= 7) *at++ = (uint8_t)(n | 128);
    *at++ = (uint8_t)n;
    return at;
}

/* Small numbers of either sign become small numbers. */
HISTORIAN_INLINE uint64_t historian_zigzag(uint64_t n) { return n << 1 ^ (n >> 63 ? ~(uint64_t)0 : 0); }

/* Write a classic bucket for each slot in `slots`. `bounds` has HISTORIAN_EDGE_NBYTES bytes for each upper bound. */
static uint8_t *historian_put_classic(uint8_t *at, const historian_running *counts, const int32_t *slots,
                                      const uint8_t *bounds, size_t edges) {
    for (size_t k = 0; k < edges; k++, bounds += HISTORIAN_EDGE_NBYTES) {
        uint8_t *size = at + 1, *end = at + 2;
        *at = 3 << 3 | 2;
        *end++ = 1 << 3;
        end = historian_put_varint(end, historian_total_through(counts, slots[k]));
        memcpy(end, bounds, HISTORIAN_EDGE_NBYTES);
        at = end + HISTORIAN_EDGE_NBYTES;
        *size = (uint8_t)(at - size - 1);
    }
    return at;
}

/* Write the run of `length` buckets that begins at bucket `n`; `end` is the bucket after the run before, from 0. */
HISTORIAN_INLINE uint8_t *historian_put_span(uint8_t *at, int64_t n, int64_t end, uint64_t length) {
    uint8_t *size = at + 1;
    *at = 12 << 3 | 2;
    at += 2;
    *at++ = 1 << 3;
    at = historian_put_varint(at, historian_zigzag((uint64_t)(n - end)));
    *at++ = 2 << 3;
    at = historian_put_varint(at, length);
    *size = (uint8_t)(at - size - 1);
    return at;
}

/* The bucket of a slot from 1 on. */
HISTORIAN_INLINE int64_t historian_native_bucket(int slot) {
    return slot == HISTORIAN_SLOTS - 1 ? HISTORIAN_INFINITE_BUCKET : slot - 1 + HISTORIAN_FIRST_INDEX + 1;
}

/* Write the spans to `at`, and their deltas to `deltas`. Return the ends of both. */
static void historian_put_spans(uint8_t **at, uint8_t **deltas, const historian_running *counts) {
    int64_t begin = 0, end = 0, ended = 0; /* of the span, and where the one before ended */
    uint64_t last = 0;
    for (int j = counts->first ? 0 : 1; j < counts->length; j++) {
        uint64_t count = counts->totals[j] - (j ? counts->totals[j - 1] : 0);
        int64_t n = historian_native_bucket(counts->first + j);
        if (!count) continue;
        if (begin == end) begin = end = n; /* the first one */
        if (n - end > HISTORIAN_FILLED_GAP) {
            *at = historian_put_span(*at, begin, ended, (uint64_t)(end - begin));
            ended = end;
            begin = end = n;
        }
        for (; end < n; end++, last = 0) *deltas = historian_put_varint(*deltas, historian_zigzag(0 - last));
        *deltas = historian_put_varint(*deltas, historian_zigzag(count - last));
        last = count;
        end++;
    }
    if (begin < end) *at = historian_put_span(*at, begin, ended, (uint64_t)(end - begin));
}

/* Write all fields to `out`, which has room for HISTORIAN_NATIVE_NBYTES. Return how many bytes they take. */
static size_t historian_put_native(uint8_t *out, const historian_running *counts, const int32_t *slots,
                                   const uint8_t *bounds, size_t edges) {
    uint8_t *at = historian_put_classic(out, counts, slots, bounds, edges);
    size_t room = HISTORIAN_NATIVE_NBYTES((size_t)counts->length, (size_t)0);
    /* Their length comes first, so they are moved there. */
    uint8_t *deltas = at + (room - (size_t)counts->length * HISTORIAN_VARINT_NBYTES), *end = deltas;
    historian_put_spans(&at, &end, counts);
    if (end > deltas) {
        *at++ = 13 << 3 | 2;
        at = historian_put_varint(at, (uint64_t)(end - deltas));
        memmove(at, deltas, (size_t)(end - deltas));
        at += end - deltas;
    }
    return (size_t)(at - out);
}

#endif
