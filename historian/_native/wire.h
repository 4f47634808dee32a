/* A blob: one histogram as bytes. This header reads blobs, and adds up many of them without an object for each.
 *
 * docs/format.md describes the bytes. formats/_bytes.py writes them. Numbers are sizes in bytes. U, N and M are fields
 * of the blob:
 *
 *       4     1        1      1      1     U      2     2       8    8    2       2    M
 *     +-----+--------+------+------+-----+------+-----+-------+----+----+-------+----+-----+--------+-------+
 *     |magic|version |scale |flags | U   | unit | N   | first |min |max | shift | M  | sum | counts | CRC-32|
 *     +-----+--------+------+------+-----+------+-----+-------+----+----+-------+----+-----+--------+-------+
 *     |<----------- head --------------->|            |<---------- fields ---------->|
 *                                                     |<-------- absent if N is 0 ------------------>|
 *
 * This header does not use Python. It accepts any bytes: it reads nothing beyond their end and allocates no memory. The
 * time is in proportion to the size of the blob plus the number of slots that it states.
 */
#ifndef HISTORIAN_WIRE_H
#define HISTORIAN_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "atomics.h"
#include "bucket.h"
#include "packed.h"
#include "platform.h"

#define HISTORIAN_BLOB_MAGIC "\x89HSB"
enum {
    HISTORIAN_BLOB_VERSION = 1,
    HISTORIAN_BLOB_SCALE = 6, /* 2^6 buckets per octave */
    /* Flags. An empty histogram has none. */
    HISTORIAN_BLOB_SYNTHETIC = 1, /* some counts are estimates */
    HISTORIAN_BLOB_MIN_BOUND = 2, /* the smallest value is not known: the minimum is a lower bound of it */
    HISTORIAN_BLOB_MAX_BOUND = 4, /* the largest value is not known: the maximum is an upper bound of it */
    HISTORIAN_BLOB_FLAGS = HISTORIAN_BLOB_SYNTHETIC | HISTORIAN_BLOB_MIN_BOUND | HISTORIAN_BLOB_MAX_BOUND,
    HISTORIAN_BLOB_MAGIC_NBYTES = 4,
    HISTORIAN_BLOB_HEAD_NBYTES = HISTORIAN_BLOB_MAGIC_NBYTES + 4, /* all before the unit */
    HISTORIAN_BLOB_MAX_UNIT_NBYTES = 255,
    HISTORIAN_BLOB_N_NBYTES = 2,
    HISTORIAN_BLOB_FIELDS_NBYTES = 2 + 8 + 8 + 2 + 2, /* from `first` to M */
    HISTORIAN_BLOB_CRC_NBYTES = 4,
    /* An empty histogram, without the unit. */
    HISTORIAN_BLOB_EMPTY_NBYTES = HISTORIAN_BLOB_HEAD_NBYTES + HISTORIAN_BLOB_N_NBYTES + HISTORIAN_BLOB_CRC_NBYTES,
    /* A sum is below count * 2^1030. Each value is below 2^1024. The factor 2^6 is for records in flight: the sum may
     * contain them when the count does not. In units of 2^-1074 this limit is count * 256^263. A count is below 2^63,
     * also after a merge, so every sum fits into 263 + 8 bytes. */
    HISTORIAN_BLOB_SUM_TOP = (1030 + 1074) / 8,
    HISTORIAN_BLOB_SUM_NBYTES = HISTORIAN_BLOB_SUM_TOP + 8,
    HISTORIAN_SUM_WORDS = 36 /* of 64 bits: room for 2^64 such sums, and for the carries */
};
/* The size of the largest blob. */
#define HISTORIAN_BLOB_MAX_NBYTES                                                                  \
    (HISTORIAN_BLOB_EMPTY_NBYTES + HISTORIAN_BLOB_MAX_UNIT_NBYTES + HISTORIAN_BLOB_FIELDS_NBYTES + \
     HISTORIAN_BLOB_SUM_NBYTES + HISTORIAN_PACKED_NBYTES(HISTORIAN_SLOTS))

static_assert(sizeof HISTORIAN_BLOB_MAGIC == HISTORIAN_BLOB_MAGIC_NBYTES + 1, "layout of blobs");
static_assert(1 << HISTORIAN_BLOB_SCALE == HISTORIAN_BUCKETS_PER_OCTAVE, "layout of blobs");
static_assert(HISTORIAN_BLOB_HEAD_NBYTES == 8, "layout of blobs");
static_assert(HISTORIAN_BLOB_FIELDS_NBYTES == 22, "layout of blobs");
static_assert(HISTORIAN_BLOB_SUM_NBYTES == 271, "layout of blobs");
static_assert(8 * HISTORIAN_SUM_WORDS >= HISTORIAN_BLOB_SUM_NBYTES + 8 + 8, "2^64 sums can be added up");

typedef enum {
    HISTORIAN_GOOD,
    HISTORIAN_TOO_SHORT,
    HISTORIAN_TOO_LONG,
    HISTORIAN_BAD_MAGIC,
    HISTORIAN_BAD_VERSION,
    HISTORIAN_BAD_CHECKSUM,
    HISTORIAN_BAD_SCALE,
    HISTORIAN_BAD_FLAGS,
    HISTORIAN_BAD_UNIT, /* the caller checks the unit */
    HISTORIAN_BAD_SLOTS,
    HISTORIAN_BAD_SUM,
    HISTORIAN_BAD_EXTREMES,
    HISTORIAN_BAD_COUNTS,
    HISTORIAN_TOO_MANY /* the blob is valid, but the merged total would reach 2^63 */
} historian_verdict;

/* The contents of a blob. The pointers point into its bytes. */
typedef struct {
    const uint8_t *unit, *sum, *packed;
    size_t unit_nbytes, packed_nbytes;
    size_t sum_shift, sum_nbytes; /* the sum is the number in `sum` times 256^sum_shift, in units of 2^-1074 */
    size_t first, slots;          /* first populated slot, and how many slots to the last one; 0, 0 if empty */
    uint64_t min, max;            /* the bits of a float64 */
    unsigned version, scale, flags;
} historian_blob;

/* ---- CRC-32 as in zlib: polynomial 0xedb88320, reflected ---- */

static uint32_t historian_crc_tables[8][256]; /* [k][byte]: the remainder of the byte followed by k bytes 0 */

/* Call this before historian_crc32. Interpreters that call it at the same time write the same values. */
static void historian_make_crc_tables(void) {
    static uint64_t made;
    if (historian_atomic_load_acquire(&made)) return;
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
        historian_crc_tables[0][byte] = crc;
    }
    for (int k = 1; k < 8; k++)
        for (int byte = 0; byte < 256; byte++) {
            uint32_t crc = historian_crc_tables[k - 1][byte];
            historian_crc_tables[k][byte] = crc >> 8 ^ historian_crc_tables[0][crc & 255];
        }
    historian_atomic_store_release(&made, 1);
}

/* Return the CRC-32. Each step takes eight bytes ("slicing by 8", Kounavis and Berry, 2005). */
static uint32_t historian_crc32(const uint8_t *bytes, size_t size) {
    const uint32_t(*tables)[256] = historian_crc_tables;
    uint32_t crc = 0xffffffffu;
    for (; size >= 8; size -= 8, bytes += 8) {
        uint64_t x = historian_load_le(bytes) ^ crc;
        crc = tables[7][x & 255] ^ tables[6][x >> 8 & 255] ^ tables[5][x >> 16 & 255] ^ tables[4][x >> 24 & 255] ^
              tables[3][x >> 32 & 255] ^ tables[2][x >> 40 & 255] ^ tables[1][x >> 48 & 255] ^ tables[0][x >> 56];
    }
    while (size--) crc = crc >> 8 ^ tables[0][(crc ^ *bytes++) & 255];
    return ~crc;
}

/* ---- reading ---- */

HISTORIAN_INLINE size_t historian_two_bytes(const uint8_t *at) { return (size_t)at[0] | (size_t)at[1] << 8; }

HISTORIAN_INLINE uint32_t historian_four_bytes(const uint8_t *at) {
    return (uint32_t)historian_two_bytes(at) | (uint32_t)historian_two_bytes(at + 2) << 16;
}

/* Return whether a value, given its bits, is in the bucket of a slot. */
HISTORIAN_INLINE int historian_is_in(uint64_t bits, size_t slot) {
    return bits <= HISTORIAN_MAX_BITS && historian_slot(bits) == slot;
}

/* Return whether a value is in the bucket of a slot or equals its lower edge, which may be a bound of the minimum. */
HISTORIAN_INLINE int historian_touches(uint64_t bits, size_t slot) {
    return historian_is_in(bits, slot) || (bits < HISTORIAN_MAX_BITS && historian_is_in(bits + 1, slot));
}

/* Read the fields between the number of slots and the sum. */
static historian_verdict historian_read_fields(const uint8_t *at, historian_blob *blob) {
    blob->first = (historian_two_bytes(at) - (size_t)(HISTORIAN_FIRST_INDEX - 1)) & 0xffff;
    if (blob->first + blob->slots > HISTORIAN_SLOTS) return HISTORIAN_BAD_SLOTS;
    blob->min = historian_load_le(at + 2);
    blob->max = historian_load_le(at + 10);
    if (blob->min > blob->max || !historian_is_in(blob->max, blob->first + blob->slots - 1) ||
        !(blob->flags & HISTORIAN_BLOB_MIN_BOUND ? historian_touches(blob->min, blob->first)
                                                 : historian_is_in(blob->min, blob->first)))
        return HISTORIAN_BAD_EXTREMES;
    blob->sum_shift = historian_two_bytes(at + 18);
    blob->sum_nbytes = historian_two_bytes(at + 20);
    return blob->sum_shift + blob->sum_nbytes > HISTORIAN_BLOB_SUM_NBYTES ? HISTORIAN_BAD_SUM : HISTORIAN_GOOD;
}

/* Read the `size` bytes between the unit and the CRC-32. */
static historian_verdict historian_read_body(const uint8_t *at, size_t size, historian_blob *blob) {
    historian_verdict verdict;
    blob->slots = historian_two_bytes(at);
    if (!blob->slots)
        return size != HISTORIAN_BLOB_N_NBYTES ? HISTORIAN_TOO_LONG
               : blob->flags                   ? HISTORIAN_BAD_FLAGS
                                               : HISTORIAN_GOOD;
    if (size < HISTORIAN_BLOB_N_NBYTES + HISTORIAN_BLOB_FIELDS_NBYTES) return HISTORIAN_TOO_SHORT;
    verdict = historian_read_fields(at + HISTORIAN_BLOB_N_NBYTES, blob);
    if (verdict != HISTORIAN_GOOD) return verdict;
    blob->sum = at + HISTORIAN_BLOB_N_NBYTES + HISTORIAN_BLOB_FIELDS_NBYTES;
    size -= HISTORIAN_BLOB_N_NBYTES + HISTORIAN_BLOB_FIELDS_NBYTES;
    if (size < blob->sum_nbytes) return HISTORIAN_TOO_SHORT;
    /* Each sum has only one encoding: no byte 0 at either end, and no shift if the sum is 0. */
    if (blob->sum_nbytes ? !blob->sum[0] || !blob->sum[blob->sum_nbytes - 1] : blob->sum_shift)
        return HISTORIAN_BAD_SUM;
    blob->packed = blob->sum + blob->sum_nbytes;
    blob->packed_nbytes = size - blob->sum_nbytes;
    return HISTORIAN_GOOD;
}

/* Read a blob except for its counts. The caller checks whether the unit is valid text. */
static historian_verdict historian_read_blob(const uint8_t *bytes, size_t size, historian_blob *blob) {
    memset(blob, 0, sizeof *blob);
    if (size < HISTORIAN_BLOB_EMPTY_NBYTES + 1) {
        size_t known = size < HISTORIAN_BLOB_MAGIC_NBYTES ? size : HISTORIAN_BLOB_MAGIC_NBYTES;
        return known && memcmp(bytes, HISTORIAN_BLOB_MAGIC, known) != 0 ? HISTORIAN_BAD_MAGIC : HISTORIAN_TOO_SHORT;
    }
    if (memcmp(bytes, HISTORIAN_BLOB_MAGIC, HISTORIAN_BLOB_MAGIC_NBYTES) != 0) return HISTORIAN_BAD_MAGIC;
    blob->version = bytes[4];
    blob->scale = bytes[5];
    blob->flags = bytes[6];
    blob->unit_nbytes = bytes[7];
    if (blob->version != HISTORIAN_BLOB_VERSION) return HISTORIAN_BAD_VERSION;
    if (size > HISTORIAN_BLOB_MAX_NBYTES) return HISTORIAN_TOO_LONG;
    if (historian_crc32(bytes, size - HISTORIAN_BLOB_CRC_NBYTES) !=
        historian_four_bytes(bytes + size - HISTORIAN_BLOB_CRC_NBYTES))
        return HISTORIAN_BAD_CHECKSUM;
    if (blob->scale != HISTORIAN_BLOB_SCALE) return HISTORIAN_BAD_SCALE;
    if (blob->flags & ~(unsigned)HISTORIAN_BLOB_FLAGS) return HISTORIAN_BAD_FLAGS;
    if (!blob->unit_nbytes) return HISTORIAN_BAD_UNIT;
    if (size < HISTORIAN_BLOB_EMPTY_NBYTES + blob->unit_nbytes) return HISTORIAN_TOO_SHORT;
    blob->unit = bytes + HISTORIAN_BLOB_HEAD_NBYTES;
    return historian_read_body(blob->unit + blob->unit_nbytes,
                               size - HISTORIAN_BLOB_HEAD_NBYTES - blob->unit_nbytes - HISTORIAN_BLOB_CRC_NBYTES, blob);
}

/* Read the counts of a blob that is not empty, and their total. */
static historian_verdict historian_read_counts(const historian_blob *blob, uint64_t *counts, uint64_t *total) {
    uint64_t top = 0;
    if (!historian_unpack(blob->packed, blob->packed_nbytes, blob->slots, counts, total)) return HISTORIAN_BAD_COUNTS;
    for (size_t i = blob->sum_nbytes; i > 0 && blob->sum_shift + i > HISTORIAN_BLOB_SUM_TOP; i--)
        top |= (uint64_t)blob->sum[i - 1] << 8 * (blob->sum_shift + i - 1 - HISTORIAN_BLOB_SUM_TOP);
    return top < *total ? HISTORIAN_GOOD : HISTORIAN_BAD_SUM;
}

/* ---- merging ---- */

/* The sum of many histograms. If it is empty, `min` is all ones and all else is 0.
 *
 * An extreme is twice the bits of its float64, plus one mark. So one comparison finds the extreme of two histograms and
 * whether it is known: if one of two equal extremes is exact, and the other a bound, the extreme of both is exact. */
typedef struct {
    uint64_t counts[HISTORIAN_SLOTS];
    uint64_t read[HISTORIAN_SLOTS];    /* the counts of one blob, until the whole blob has been checked */
    uint64_t total;                    /* the sum of `counts`, in [0, 2^63) */
    unsigned synthetic;                /* HISTORIAN_BLOB_SYNTHETIC if some of the counts are estimates, or 0 */
    uint64_t min;                      /* marked by 1 if it is only a bound */
    uint64_t max;                      /* marked by 1 if it is exact */
    uint64_t sum[HISTORIAN_SUM_WORDS]; /* in units of 2^-1074, the lowest word first */
} historian_merged;

/* Add x * 256^shift to the sum. */
HISTORIAN_INLINE void historian_add_word(historian_merged *merged, uint64_t x, size_t shift) {
    uint64_t *word = merged->sum + (shift >> 3);
    unsigned bits = 8 * (shift & 7);
    uint64_t low = x << bits, high = bits ? x >> (64 - bits) : 0;
    *word += low;
    high += *word++ < low; /* no overflow: if bits is 0, high is 0; otherwise high < 2^56 */
    while (high) {
        *word += high;
        high = *word++ < high;
    }
}

static void historian_add_sum(historian_merged *merged, const historian_blob *blob) {
    for (size_t i = 0; i < blob->sum_nbytes; i += 8) {
        uint64_t x = 0;
        size_t n = blob->sum_nbytes - i < 8 ? blob->sum_nbytes - i : 8;
        while (n--) x = x << 8 | blob->sum[i + n];
        historian_add_word(merged, x, blob->sum_shift + i);
    }
}

/* Add counts with their total, and with the slots, extremes and flags of `blob`; its other fields are not used. If the
 * new total would be 2^63 or more, return 0 and change nothing. */
static int historian_add_counts(historian_merged *merged, const uint64_t *counts, uint64_t total,
                                const historian_blob *blob) {
    uint64_t min = blob->min << 1 | (blob->flags & HISTORIAN_BLOB_MIN_BOUND ? 1 : 0);
    uint64_t max = blob->max << 1 | (blob->flags & HISTORIAN_BLOB_MAX_BOUND ? 0 : 1);
    if (total > (uint64_t)INT64_MAX - merged->total) return 0;
    merged->total += total;
    merged->synthetic |= blob->flags & HISTORIAN_BLOB_SYNTHETIC;
    if (min < merged->min) merged->min = min;
    if (max > merged->max) merged->max = max;
    for (size_t i = 0; i < blob->slots; i++) merged->counts[blob->first + i] += counts[i];
    return 1;
}

/* Return the flags of a sum that is not empty. */
HISTORIAN_INLINE unsigned historian_merged_flags(const historian_merged *merged) {
    return merged->synthetic | (merged->min & 1 ? HISTORIAN_BLOB_MIN_BOUND : 0u) |
           (merged->max & 1 ? 0u : HISTORIAN_BLOB_MAX_BOUND);
}

/* Add the histogram in a blob. If the blob is not valid, nothing changes. */
static historian_verdict historian_merge_blob(historian_merged *merged, const historian_blob *blob) {
    historian_verdict verdict;
    uint64_t total;
    if (!blob->slots) return HISTORIAN_GOOD;
    verdict = historian_read_counts(blob, merged->read, &total);
    if (verdict != HISTORIAN_GOOD) return verdict;
    if (!historian_add_counts(merged, merged->read, total, blob)) return HISTORIAN_TOO_MANY;
    historian_add_sum(merged, blob);
    return HISTORIAN_GOOD;
}

#endif
