/* The scans of arrays, each of this processor's: slots for all mantissas, exact sums, extremes, refusals, loaders.
 *
 * Ends with 0 if all agree with what is computed value by value in whole numbers. test_scan.py builds and runs this,
 * also for other processors, under an emulator.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bulk_load.h"
#include "bulk_scan.h"

#define CHECK(condition)                                             \
    do {                                                             \
        if (!(condition)) {                                          \
            printf("%s, line %d: %s\n", name, __LINE__, #condition); \
            exit(1);                                                 \
        }                                                            \
    } while (0)

enum { BLOCK = 16 }; /* values of one step of the widest scan */

static const char *name;
static uint64_t state = 0x9e3779b97f4a7c15ULL;

static uint64_t next(void) { /* xorshift64 */
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

/* An estimate depends on the upper half of b = bits - 1 only, and what it must give grows with the lower half. So if
 * it is right for both ends of the lower half, it is right between them. And octaves add to both alike. */
static void check_mantissas(uint64_t octave, uint64_t step) {
    double values[BLOCK], copy[BLOCK];
    uint16_t slots[BLOCK];
    for (uint64_t upper = 0; upper < 1 << 20; upper += step)
        for (uint64_t lower = 0; lower <= UINT32_MAX; lower += UINT32_MAX) {
            historian_summary summary = {0, 0, {0}};
            double value = historian_double((octave << 52 | upper << 32 | lower) + 1);
            for (size_t i = 0; i < BLOCK; i++) values[i] = value;
            CHECK(historian_scan(&summary, slots, copy, values, BLOCK, (historian_meanwhile){0}));
            for (size_t i = 0; i < BLOCK; i++) CHECK(slots[i] == historian_slot(historian_bits(value)));
        }
}

/* How often each slot is in all tables. */
static void add_up(uint64_t *counts, const historian_tables *tables) {
    memset(counts, 0, sizeof(historian_table));
    for (size_t table = 0; table < HISTORIAN_TABLES; table++)
        for (size_t slot = 0; slot < HISTORIAN_SLOTS; slot++) counts[slot] += tables->counts[table][slot];
}

static void check_chunk(const double *values, size_t n) {
    static historian_table expected, seen;
    static historian_tables exact, found;
    static uint16_t slots[HISTORIAN_CHUNK];
    double copy[HISTORIAN_CHUNK];
    historian_summary summary = {0, 0, {0}}, whole = {0, 0, {0}};
    historian_meanwhile meanwhile = {found.counts, (uintptr_t)values, sizeof *values};
    int good = 1;
    memset(&exact, 0, sizeof exact);
    memset(&found, 0, sizeof found);
    for (size_t i = 0; i < n; i++) {
        uint64_t bits = historian_bits(values[i] + 0.0);
        if (bits > HISTORIAN_MAX_BITS) {
            good = 0;
            continue;
        }
        exact.counts[0][historian_slot(bits)]++;
        whole.max = bits > whole.max ? bits : whole.max;
        whole.not_min = ~bits > whole.not_min ? ~bits : whole.not_min;
        historian_add_value(whole.digits, bits);
    }
    CHECK(historian_scan(&summary, slots, copy, values, n, meanwhile) == good);
    for (size_t i = 0; i < n && good; i++) CHECK(copy[i] == values[i]);
    if (!good) return;
    historian_carry_digits(whole.digits, 0, HISTORIAN_SUM_DIGITS);
    historian_carry_digits(summary.digits, 0, HISTORIAN_SUM_DIGITS);
    CHECK(memcmp(&summary, &whole, sizeof whole) == 0);
    add_up(expected, &exact);
    add_up(seen, &found);
    CHECK(memcmp(expected, seen, sizeof seen) == 0);
    memset(&found, 0, sizeof found);
    historian_count_slots(found.counts, slots, n);
    add_up(seen, &found);
    CHECK(memcmp(expected, seen, sizeof seen) == 0);
}

/* Chunks of any size whose values span so many octaves, from any of them on. */
static void check_chunks(unsigned octaves, int chunks) {
    static const double special[] = {
        0.0, -0.0, 5e-324, 0x1p-32, 0x1p64, 1.0, 1.7976931348623157e308, 0x1.0000000000001p0};
    double values[HISTORIAN_CHUNK];
    while (chunks-- > 0) {
        size_t n = 1 + next() % HISTORIAN_CHUNK;
        uint64_t first = next() % (2046 - octaves), full = next() % 4;
        for (size_t i = 0; i < n; i++) {
            uint64_t mantissa = full ? next() >> 12 : HISTORIAN_MANTISSA; /* sums of these are the largest */
            values[i] = historian_double((first + next() % (octaves + 1)) << 52 | mantissa);
        }
        check_chunk(values, n);
        for (size_t k = 0; k < 3; k++) values[next() % n] = special[next() % (sizeof special / sizeof *special)];
        check_chunk(values, n);
    }
}

static void check_refusals(void) {
    static const double bad[] = {NAN, INFINITY, -INFINITY, -5e-324, -1.0};
    double values[HISTORIAN_CHUNK];
    for (size_t kind = 0; kind <= sizeof bad / sizeof *bad; kind++)
        for (size_t n = 1; n < 70; n++)
            for (size_t at = 0; at < n; at++) {
                for (size_t i = 0; i < n; i++) values[i] = 1.5 + (double)i;
                values[at] = kind ? bad[kind - 1] : historian_double(0x7ff0000000000001ULL); /* NaN in its last bit */
                check_chunk(values, n);
            }
}

#define CHECK_LOADER(type)                                                                                         \
    do {                                                                                                           \
        static type numbers[4 * HISTORIAN_CHUNK];                                                                  \
        double loaded[HISTORIAN_CHUNK];                                                                            \
        for (size_t i = 0; i < 4 * HISTORIAN_CHUNK; i++) numbers[i] = (type)((int64_t)next() >> next() % 64);      \
        numbers[0] = (type)INT64_MIN, numbers[1] = (type)INT64_MAX, numbers[2] = (type)UINT64_MAX, numbers[3] = 0; \
        numbers[4] = (type)(1ULL << 53 | 1), numbers[5] = (type)(0xfffffffffffffbffULL);                           \
        for (ptrdiff_t step = -3; step <= 4; step++)                                                               \
            for (size_t n = 0; n < 40; n++) {                                                                      \
                const type *first = numbers + (step < 0 ? 3 * HISTORIAN_CHUNK : 0);                                \
                historian_load_##type(loaded, (const char *)first, step *(ptrdiff_t)sizeof *numbers, n);           \
                for (size_t i = 0; i < n; i++) CHECK(loaded[i] == (double)first[(ptrdiff_t)i * step]);             \
            }                                                                                                      \
    } while (0)
#define historian_load_int8_t historian_load_int8
#define historian_load_uint8_t historian_load_uint8
#define historian_load_int16_t historian_load_int16
#define historian_load_uint16_t historian_load_uint16
#define historian_load_int32_t historian_load_int32
#define historian_load_uint32_t historian_load_uint32
#define historian_load_int64_t historian_load_int64
#define historian_load_uint64_t historian_load_uint64

static void check_loaders(void) {
    CHECK_LOADER(int8_t);
    CHECK_LOADER(uint8_t);
    CHECK_LOADER(int16_t);
    CHECK_LOADER(uint16_t);
    CHECK_LOADER(int32_t);
    CHECK_LOADER(uint32_t);
    CHECK_LOADER(int64_t);
    CHECK_LOADER(uint64_t);
    CHECK_LOADER(float);
    CHECK_LOADER(double);
}

/* With an argument, checks only one mantissa of so many. */
int main(int argc, char **argv) {
    static const char *const limits[] = {"", "avx2", "baseline"};
    long step = argc > 1 ? atol(argv[1]) : 1;
    const char *last = "";
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        name = historian_choose_scan(limits[i]);
        if (!strcmp(name, last)) continue;
        last = name;
        printf("%s\n", name);
        check_refusals();
        check_loaders();
        for (unsigned octaves = 0; octaves < 64; octaves++) check_chunks(octaves, 40);
        check_mantissas(1023 - 10, step > 0 ? (uint64_t)step : 1);
    }
    return 0;
}
