/* Record an array of numbers at once: nothing is added unless every value is good.
 *
 * Values are processed in chunks. In each chunk the compiler vectorises the conversion to float64, the checks, the sum,
 * the extremes and the bucket formula. The counting that follows is scalar, into private tables. (A few values are
 * counted directly, after all of them have been checked.) The tables are added to the recorder's counters only after
 * the last value has been checked.
 */
#ifndef HISTORIAN_BULK_H
#define HISTORIAN_BULK_H

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#include "bucket.h"
#include "chunks.h"
#include "counters.h"
#include "platform.h"

enum {
    HISTORIAN_CHUNK = 512,                    /* values to a chunk: 4 kB as float64 */
    HISTORIAN_PREFETCH = 2 * HISTORIAN_CHUNK, /* how many values ahead the processor is asked for */
    HISTORIAN_SMALL = 1024,                   /* up to so many values, tables cost more than they save */
    HISTORIAN_LANES = 8,                      /* partial sums: as many float64 as the widest register holds */
    HISTORIAN_TABLES = 4 /* equal neighbours go to different tables, so an add need not wait for the last */
};

/* Sum and extremes of the values so far; private until all values have been checked. */
typedef struct {
    uint64_t max;                          /* as in historian_counters */
    uint64_t not_min;                      /* likewise */
    uint64_t digits[HISTORIAN_SUM_DIGITS]; /* the exact sum, as in historian_sum */
} historian_summary;

/* All zeros between uses. */
typedef struct {
    historian_summary summary;
    uint64_t counts[HISTORIAN_TABLES][HISTORIAN_SLOTS];
} historian_tables;

/* Load value i of a strided array of one C type as float64. */
typedef void (*historian_loader)(double *out, const char *data, ptrdiff_t stride, size_t n);

#define HISTORIAN_LOADER(name, type)                                                               \
    static void historian_load_##name(double *out, const char *data, ptrdiff_t stride, size_t n) { \
        type value;                                                                                \
        if (stride == (ptrdiff_t)sizeof value) {                                                   \
            for (size_t i = 0; i < n; i++) {                                                       \
                memcpy(&value, data + i * sizeof value, sizeof value);                             \
                out[i] = (double)value;                                                            \
            }                                                                                      \
            return;                                                                                \
        }                                                                                          \
        for (size_t i = 0; i < n; i++) {                                                           \
            memcpy(&value, data + (ptrdiff_t)i * stride, sizeof value);                            \
            out[i] = (double)value;                                                                \
        }                                                                                          \
    }
HISTORIAN_LOADER(double, double)
HISTORIAN_LOADER(float, float)
HISTORIAN_LOADER(int8, int8_t)
HISTORIAN_LOADER(uint8, uint8_t)
HISTORIAN_LOADER(int16, int16_t)
HISTORIAN_LOADER(uint16, uint16_t)
HISTORIAN_LOADER(int32, int32_t)
HISTORIAN_LOADER(uint32, uint32_t)
HISTORIAN_LOADER(int64, int64_t)
HISTORIAN_LOADER(uint64, uint64_t)

/* The loader of a buffer's format character and item size, or NULL if there is none. */
static historian_loader historian_find_loader(char format, size_t size) {
    switch (format) {
    case 'd': return historian_load_double;
    case 'f': return historian_load_float;
    case 'b':
    case 'h':
    case 'i':
    case 'l':
    case 'q':
    case 'n':
        return size == 8   ? historian_load_int64
               : size == 4 ? historian_load_int32
               : size == 2 ? historian_load_int16
                           : historian_load_int8;
    case '?':
    case 'B':
    case 'H':
    case 'I':
    case 'L':
    case 'Q':
    case 'N':
        return size == 8   ? historian_load_uint64
               : size == 4 ? historian_load_uint32
               : size == 2 ? historian_load_uint16
                           : historian_load_uint8;
    default: return NULL;
    }
}

/* ---- the sum of a chunk, exact ----
 *
 * Each lane adds up its values in float64, and what rounding takes away in its compensation. Let v be the smallest
 * value that is not 0, and u the unit of its last bit: v is below 2^53 u. All values, sums and rounding errors are
 * whole multiples of u. A sum s has at most 512 rounding errors, each at most 2^-53 s, so its compensation is at most
 * 2^-44 s. If the largest value is below 2^29 v, s is below 2^38 v, which is below 2^91 u, and the compensation is
 * below 2^47 u. So it is a whole number that 53 bits hold: nothing is lost. Otherwise, the values are added up as whole
 * numbers. This takes several times as long.
 */

/* Return a + b, rounded. `*rounded` is the rounding error, which is a float64, too (Knuth's two-sum). */
HISTORIAN_INLINE double historian_two_sum(double a, double b, double *rounded) {
    double sum = a + b, b_taken = sum - a, a_taken = sum - b_taken;
    *rounded = (a - a_taken) + (b - b_taken);
    return sum;
}

enum {
    HISTORIAN_EXACT_OCTAVES = 28, /* at most so many between the largest and the smallest value */
    HISTORIAN_EXACT_MIN = 128,    /* least exponent, as its bits, so that nothing is subnormal */
    HISTORIAN_EXACT_MAX = 2000,   /* largest exponent, so that nothing is infinite */
    HISTORIAN_BIAS_OCTAVES = 40   /* 2^-40 of a sum is above its compensation, and the two together are below 2^53 u */
};

/* Return the bits of the smallest of good values that is not 0, or those of infinity. */
HISTORIAN_INLINE uint64_t historian_find_least(const double *values, size_t n) {
    double least[HISTORIAN_LANES], all = INFINITY;
    for (size_t lane = 0; lane < HISTORIAN_LANES; lane++) least[lane] = INFINITY;
    for (size_t i = 0; i + HISTORIAN_LANES <= n; i += HISTORIAN_LANES)
        for (size_t lane = 0; lane < HISTORIAN_LANES; lane++) {
            double value = values[i + lane] > 0 ? values[i + lane] : INFINITY;
            least[lane] = value < least[lane] ? value : least[lane];
        }
    for (size_t i = n - n % HISTORIAN_LANES; i < n; i++)
        if (values[i] > 0 && values[i] < all) all = values[i];
    for (size_t lane = 0; lane < HISTORIAN_LANES; lane++) all = least[lane] < all ? least[lane] : all;
    return historian_bits(all);
}

/* Add the sum of a chunk, from the sums of its lanes if they are exact, or else from its values. */
HISTORIAN_INLINE void historian_add_lanes(uint64_t *digits, const double *sums, const double *compensations,
                                          size_t lanes) {
    double sum = sums[0], compensation = compensations[0], bias;
    for (size_t lane = 1; lane < lanes; lane++) {
        double rounded;
        sum = historian_two_sum(sum, sums[lane], &rounded);
        compensation += compensations[lane] + rounded;
    }
    /* The compensation may be negative. So a power of two is moved from the sum to it, also without rounding. */
    bias = historian_double((historian_bits(sum) & ~HISTORIAN_MANTISSA) - ((uint64_t)HISTORIAN_BIAS_OCTAVES << 52));
    historian_add_value(digits, historian_bits(sum - bias));
    historian_add_value(digits, historian_bits(compensation + bias));
}

/* Add sum and extremes of a chunk. Return 0, and change nothing, if a value is NaN, infinite or negative. */
HISTORIAN_INLINE int historian_add_to_summary(historian_summary *summary, const double *sums,
                                              const double *compensations, size_t lanes, uint64_t max, uint64_t not_min,
                                              const double *values, size_t n) {
    uint64_t least = ~not_min;
    if (max > HISTORIAN_MAX_BITS) return 0; /* the bits of a bad value are above those of any good one */
    summary->max = max > summary->max ? max : summary->max;
    summary->not_min = not_min > summary->not_min ? not_min : summary->not_min;
    if (HISTORIAN_UNLIKELY(!least)) least = historian_find_least(values, n);
    if (HISTORIAN_LIKELY((max >> 52) - (least >> 52) <= HISTORIAN_EXACT_OCTAVES && least >> 52 >= HISTORIAN_EXACT_MIN &&
                         max >> 52 <= HISTORIAN_EXACT_MAX)) {
        historian_add_lanes(summary->digits, sums, compensations, lanes);
    } else if (max) {
        for (size_t i = 0; i < n; i++) historian_add_value(summary->digits, historian_bits(values[i] + 0.0));
        historian_carry_digits(summary->digits, 0);
    }
    return 1;
}

/* Sum, extremes and slots of one chunk. Return 0 if a value is NaN, infinite or negative. */
HISTORIAN_INLINE int historian_scan_any(historian_summary *summary, uint16_t *slots, const double *values, size_t n) {
    double sums[HISTORIAN_LANES] = {0}, compensation[HISTORIAN_LANES] = {0}, rounded;
    uint64_t max = 0, not_min = 0;
    for (size_t i = 0; i + HISTORIAN_LANES <= n; i += HISTORIAN_LANES)
        for (size_t lane = 0; lane < HISTORIAN_LANES; lane++) {
            sums[lane] = historian_two_sum(sums[lane], values[i + lane], &rounded);
            compensation[lane] += rounded;
        }
    for (size_t i = n - n % HISTORIAN_LANES; i < n; i++) {
        sums[0] = historian_two_sum(sums[0], values[i], &rounded);
        compensation[0] += rounded;
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t bits = historian_bits(values[i] + 0.0); /* -0.0 becomes 0.0 */
        uint64_t bucket = historian_bucket(bits);
        max = bits > max ? bits : max;
        not_min = ~bits > not_min ? ~bits : not_min;
        bucket = bucket < HISTORIAN_BUCKETS ? bucket : HISTORIAN_BUCKETS;
        slots[i] = (uint16_t)(bits <= HISTORIAN_TINY_BITS ? HISTORIAN_ZERO_SLOT : bucket + 1);
    }
    return historian_add_to_summary(summary, sums, compensation, HISTORIAN_LANES, max, not_min, values, n);
}

/* One scan for each width of register. The widest one that this processor has is used. */
typedef int (*historian_scanner)(historian_summary *, uint16_t *, const double *, size_t);

static int historian_scan_baseline(historian_summary *summary, uint16_t *slots, const double *values, size_t n) {
    return historian_scan_any(summary, slots, values, n);
}

static historian_scanner historian_scan = historian_scan_baseline;

#if defined(__x86_64__) && defined(__GNUC__)
#include "bulk_avx512.h"

__attribute__((target("avx2"))) static int historian_scan_avx2(historian_summary *summary, uint16_t *slots,
                                                               const double *values, size_t n) {
    return historian_scan_any(summary, slots, values, n); /* the compiler vectorises it */
}

static int historian_scan_avx512(historian_summary *summary, uint16_t *slots, const double *values, size_t n) {
    size_t whole = n - n % 16;
    if (whole) {
        double sums[16], compensation[16];
        uint64_t max, min;
        historian_scan16_avx512(sums, compensation, &max, &min, slots, values, whole);
        if (!historian_add_to_summary(summary, sums, compensation, 16, max, ~min, values, whole)) return 0;
    }
    return whole == n || historian_scan_any(summary, slots + whole, values + whole, n - whole);
}

/* Choose the widest that the processor has and `widest` allows: "baseline", "avx2" or any other. Return its name. */
static const char *historian_choose_scan(const char *widest) {
    int avx2 = __builtin_cpu_supports("avx2") && strcmp(widest, "baseline") != 0;
    int avx512 = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                 __builtin_cpu_supports("avx512vl") && avx2 && strcmp(widest, "avx2") != 0;
    if (avx512) historian_prepare_avx512();
    historian_scan = avx512 ? historian_scan_avx512 : avx2 ? historian_scan_avx2 : historian_scan_baseline;
    return avx512 ? "avx512" : avx2 ? "avx2" : "baseline";
}
#else
static const char *historian_choose_scan(const char *widest) {
    (void)widest;
    return "baseline";
}
#endif

/* An array of numbers in memory that belongs to the caller. */
typedef struct {
    historian_loader load;
    const char *data;
    ptrdiff_t stride; /* bytes from one value to the next; may be negative */
    size_t n;
} historian_array;

/* Scan the chunk of values from `first` on into slots. Return -1, or the position of the first bad value. */
HISTORIAN_INLINE ptrdiff_t historian_scan_chunk(const historian_array *array, size_t first, size_t n,
                                                historian_summary *summary, uint16_t *slots) {
    double buffer[HISTORIAN_CHUNK];
    const double *values = buffer;
    const char *data = array->data + (ptrdiff_t)first * array->stride;
    size_t bad = 0;
    if (array->load == historian_load_double && array->stride == (ptrdiff_t)sizeof(double) &&
        (uintptr_t)data % sizeof(double) == 0)
        values = (const double *)data;
    else
        array->load(buffer, data, array->stride, n);
    if (historian_scan(summary, slots, values, n)) return -1;
    /* With a bound, because another thread may have overwritten the bad value in the meantime. */
    while (bad + 1 < n && historian_bits(values[bad] + 0.0) <= HISTORIAN_MAX_BITS) bad++;
    return (ptrdiff_t)(first + bad);
}

HISTORIAN_INLINE size_t historian_chunk_size(const historian_array *array, size_t first) {
    return array->n - first < HISTORIAN_CHUNK ? array->n - first : HISTORIAN_CHUNK;
}

/* Add sum and extremes, before any count (see historian_count_atomic). */
static void historian_add_summary(historian_counters *counters, historian_summary *summary) {
    size_t first = historian_digit_at(historian_position(~summary->not_min)); /* no digit below that of the smallest */
    historian_carry_digits(summary->digits, first);
    historian_add_digits(counters, summary->digits, first, HISTORIAN_SUM_DIGITS);
    historian_atomic_max(&counters->head->max, summary->max);
    historian_atomic_max(&counters->head->not_min, summary->not_min);
}

/* Record at most HISTORIAN_SMALL numbers. Return -1, or the position of the first bad one, or -2 if there is no memory;
 * then nothing has been added. */
static ptrdiff_t historian_record_small(historian_counters *counters, const historian_array *array) {
    uint16_t slots[HISTORIAN_SMALL];
    historian_summary summary = {0, 0, {0}};
    for (size_t first = 0; first < array->n; first += HISTORIAN_CHUNK) {
        ptrdiff_t bad = historian_scan_chunk(array, first, historian_chunk_size(array, first), &summary, slots + first);
        if (bad >= 0) return bad;
    }
    if (array->n == 0) return -1;
    for (size_t i = 0; i < array->n; i++)
        if (!historian_has_space(counters, slots[i])) return -2;
    historian_add_summary(counters, &summary);
    for (size_t i = 0; i < array->n; i++) historian_add_to_slot(counters, slots[i], 1);
    return -1;
}

/* Prefetch the values two chunks ahead. The processor does not do it by itself, because nothing is read while values
 * are counted. A prefetch beyond the end of the array is harmless. */
HISTORIAN_INLINE void historian_prefetch(const historian_array *array, size_t i) {
    uintptr_t address = (uintptr_t)array->data + (uintptr_t)(i + HISTORIAN_PREFETCH) * (uintptr_t)array->stride;
#if defined(__GNUC__)
    __builtin_prefetch((const void *)address);
#else
    (void)address;
#endif
}

/* Count any number of numbers in private tables. Return -1, or the position of the first bad one. Needs no lock. */
static ptrdiff_t historian_tally(historian_tables *tables, const historian_array *array) {
    uint16_t slots[HISTORIAN_CHUNK];
    for (size_t first = 0; first < array->n; first += HISTORIAN_CHUNK) {
        size_t n = historian_chunk_size(array, first), i = 0;
        ptrdiff_t bad = historian_scan_chunk(array, first, n, &tables->summary, slots);
        if (bad >= 0) return bad;
        for (; i + HISTORIAN_TABLES <= n; i += HISTORIAN_TABLES) {
            historian_prefetch(array, first + i);
            for (size_t table = 0; table < HISTORIAN_TABLES; table++) tables->counts[table][slots[i + table]]++;
        }
        for (; i < n; i++) tables->counts[0][slots[i]]++;
    }
    return -1;
}

/* Return whether there is space for the counts of all slots from `slot` to `end` - 1. */
static int historian_has_space_for(historian_counters *counters, const historian_tables *tables, size_t slot,
                                   size_t end) {
    for (; slot < end; slot++)
        for (size_t table = 0; table < HISTORIAN_TABLES; table++)
            if (tables->counts[table][slot] && !historian_has_space(counters, slot)) return 0;
    return 1;
}

/* Add what the tables hold to the counters, if there are any, and leave the tables empty. Return 0, and add nothing, if
 * there is no memory. */
static int historian_fold(historian_counters *counters, historian_tables *tables) {
    size_t slot, end;
    int done;
    if (!tables->summary.not_min) return 1;
    slot = historian_slot(~tables->summary.not_min);
    end = historian_slot(tables->summary.max) + 1;
    done = !counters || historian_has_space_for(counters, tables, slot, end);
    if (counters && done) historian_add_summary(counters, &tables->summary);
    for (; slot < end; slot++) {
        uint64_t count = 0;
        for (size_t table = 0; table < HISTORIAN_TABLES; table++) {
            count += tables->counts[table][slot];
            tables->counts[table][slot] = 0;
        }
        if (count && counters && done) historian_add_to_slot(counters, slot, count);
    }
    memset(&tables->summary, 0, sizeof tables->summary);
    return done;
}

/* The tables take 192 kB, and it takes time to clear fresh memory. So one set is kept for the next call. */
static uint64_t historian_spare_tables;

static historian_tables *historian_take_tables(void) {
    historian_tables *tables = (historian_tables *)(uintptr_t)historian_atomic_exchange(&historian_spare_tables, 0);
    return tables ? tables : (historian_tables *)calloc(1, sizeof *tables);
}

static void historian_give_tables(historian_tables *tables) {
    free((void *)(uintptr_t)historian_atomic_exchange(&historian_spare_tables, (uint64_t)(uintptr_t)tables));
}

#endif
