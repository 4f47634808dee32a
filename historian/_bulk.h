/* Record an array of numbers at once: nothing is added unless every value is good.
 *
 * Values are taken in blocks. For each block the compiler vectorises the conversion to float64, the checks, the
 * sum, the extremes and the bucket formula; the counting that follows is scalar, into private tables that nobody
 * else sees. Only when the last value has been found good are the tables folded into the shared counters.
 */
#ifndef HISTORIAN_BULK_H
#define HISTORIAN_BULK_H

#include <stddef.h>
#include <stdlib.h>

#include "_cells.h"

#define HISTORIAN_BLOCK 512 /* values to a block: 4 kB as float64 */
#define HISTORIAN_LANES 8   /* independent partial sums: as many float64 as the widest register holds */
#define HISTORIAN_TABLES 4  /* equal neighbours go to different tables, so an add need not wait for the last */

typedef uint64_t historian_table[HISTORIAN_SLOTS];

/* What a call has seen so far, private until all is known to be good. */
typedef struct {
    double sum;
    double lost; /* what rounding has taken from `sum` so far (Neumaier) */
    uint64_t max;
    uint64_t not_min;
    historian_table tables[HISTORIAN_TABLES];
} historian_bulk;

/* Load value i of a strided array of one C type as float64. */
typedef void (*historian_loader)(double *out, const char *data, ptrdiff_t stride, size_t n);

#define HISTORIAN_LOADER(name, type)                                                            \
    static void historian_load_##name(double *out, const char *data, ptrdiff_t stride, size_t n) { \
        type value;                                                                             \
        if (stride == (ptrdiff_t)sizeof value) {                                                \
            for (size_t i = 0; i < n; i++) {                                                    \
                memcpy(&value, data + i * sizeof value, sizeof value);                          \
                out[i] = (double)value;                                                         \
            }                                                                                   \
            return;                                                                             \
        }                                                                                       \
        for (size_t i = 0; i < n; i++) {                                                        \
            memcpy(&value, data + (ptrdiff_t)i * stride, sizeof value);                         \
            out[i] = (double)value;                                                             \
        }                                                                                       \
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
    case 'b': case 'h': case 'i': case 'l': case 'q': case 'n':
        return size == 8   ? historian_load_int64
               : size == 4 ? historian_load_int32
               : size == 2 ? historian_load_int16
                           : historian_load_int8;
    case '?': case 'B': case 'H': case 'I': case 'L': case 'Q': case 'N':
        return size == 8   ? historian_load_uint64
               : size == 4 ? historian_load_uint32
               : size == 2 ? historian_load_uint16
                           : historian_load_uint8;
    default: return NULL;
    }
}

/* Sum, extremes and slots of one block. Return 0 if a value is NaN, infinite or negative. */
HISTORIAN_INLINE int historian_scan_any(historian_bulk *bulk, uint16_t *slots, const double *values, size_t n) {
    double sums[HISTORIAN_LANES] = {0};
    uint64_t max = 0, not_min = 0;
    size_t whole = n - n % HISTORIAN_LANES;
    for (size_t i = 0; i < whole; i += HISTORIAN_LANES)
        for (size_t lane = 0; lane < HISTORIAN_LANES; lane++) sums[lane] += values[i + lane];
    for (size_t i = whole; i < n; i++) sums[0] += values[i];
    for (size_t i = 0; i < n; i++) {
        uint64_t bits = historian_bits(values[i] + 0.0); /* -0.0 becomes 0.0 */
        uint64_t bucket = historian_bucket(bits);
        max = bits > max ? bits : max;
        not_min = ~bits > not_min ? ~bits : not_min;
        bucket = bucket < HISTORIAN_BUCKETS ? bucket : HISTORIAN_BUCKETS;
        slots[i] = (uint16_t)(bits <= HISTORIAN_TINY_BITS ? HISTORIAN_ZERO_SLOT : bucket + 1);
    }
    if (max > HISTORIAN_MAX_BITS) return 0; /* the bits of a bad value are above those of any good one */
    bulk->max = max > bulk->max ? max : bulk->max;
    bulk->not_min = not_min > bulk->not_min ? not_min : bulk->not_min;

    double sum = 0;
    for (size_t lane = 0; lane < HISTORIAN_LANES; lane++) sum += sums[lane];
    double total = bulk->sum + sum;
    bulk->lost += bulk->sum >= sum ? (bulk->sum - total) + sum : (sum - total) + bulk->sum;
    bulk->sum = total;
    return 1;
}

/* The same code, compiled once for each width of register; the widest that this processor has is taken. */
typedef int (*historian_scanner)(historian_bulk *, uint16_t *, const double *, size_t);

#define HISTORIAN_SCANNER(name, target)                                                                     \
    target static int historian_scan_##name(historian_bulk *bulk, uint16_t *slots, const double *values,  \
                                            size_t n) {                                                    \
        return historian_scan_any(bulk, slots, values, n);                                                  \
    }
HISTORIAN_SCANNER(baseline, )
#if defined(__x86_64__) && defined(__GNUC__)
HISTORIAN_SCANNER(avx2, __attribute__((target("avx2"))))
HISTORIAN_SCANNER(avx512, __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))))
static historian_scanner historian_find_scanner(void) {
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return historian_scan_avx512;
    return __builtin_cpu_supports("avx2") ? historian_scan_avx2 : historian_scan_baseline;
}
#else
static historian_scanner historian_find_scanner(void) { return historian_scan_baseline; }
#endif

static void historian_tally(historian_bulk *bulk, const uint16_t *slots, size_t n) {
    size_t i = 0;
    for (; i + HISTORIAN_TABLES <= n; i += HISTORIAN_TABLES)
        for (size_t table = 0; table < HISTORIAN_TABLES; table++) bulk->tables[table][slots[i + table]]++;
    for (; i < n; i++) bulk->tables[0][slots[i]]++;
}

static void historian_fold(historian_cells *cells, const historian_bulk *bulk) {
    historian_store(&cells->used, 1);
    /* A sum beyond float64 is inf, and what rounding lost of it is not a number. */
    historian_add_sum(cells, bulk->sum <= historian_double(HISTORIAN_MAX_BITS) ? bulk->sum + bulk->lost : bulk->sum);
    historian_raise(&cells->max, bulk->max);
    historian_raise(&cells->not_min, bulk->not_min);
    for (size_t slot = 0; slot < HISTORIAN_SLOTS; slot++) {
        uint64_t count = 0;
        for (size_t table = 0; table < HISTORIAN_TABLES; table++) count += bulk->tables[table][slot];
        if (count) historian_add(&cells->counts[slot], count);
    }
}

/* Record n numbers. Return -1; or the position of the first bad one, having added nothing; or -2 if out of memory. */
static ptrdiff_t historian_record_many(historian_cells *cells, historian_loader load, const char *data,
                                       ptrdiff_t stride, size_t n) {
    double values[HISTORIAN_BLOCK];
    uint16_t slots[HISTORIAN_BLOCK];
    int in_place = load == historian_load_double && stride == (ptrdiff_t)sizeof(double) &&
                   (uintptr_t)data % sizeof(double) == 0;
    historian_scanner scan = historian_find_scanner();
    historian_bulk *bulk = (historian_bulk *)calloc(1, sizeof *bulk);
    if (!bulk) return -2;
    for (size_t done = 0; done < n; done += HISTORIAN_BLOCK) {
        size_t block = n - done < HISTORIAN_BLOCK ? n - done : HISTORIAN_BLOCK;
        const double *loaded = values;
        if (in_place)
            loaded = (const double *)data + done;
        else
            load(values, data + (ptrdiff_t)done * stride, stride, block);
        if (!scan(bulk, slots, loaded, block)) {
            size_t bad = 0;
            while (historian_bits(loaded[bad] + 0.0) <= HISTORIAN_MAX_BITS) bad++;
            free(bulk);
            return (ptrdiff_t)(done + bad);
        }
        historian_tally(bulk, slots, block);
    }
    if (n) historian_fold(cells, bulk);
    free(bulk);
    return -1;
}

#endif
