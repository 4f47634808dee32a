/* Check a chunk of values, and find their sum, their extremes and their slots.
 *
 * There is one scan for each kind of register. The widest one that this processor has is used.
 */
#ifndef HISTORIAN_BULK_SCAN_H
#define HISTORIAN_BULK_SCAN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "bulk_load.h"
#include "bulk_plain.h"
#include "bulk_tables.h"
#include "platform.h"

/* Add a chunk of n values to the summary, and write their slots, in any order. Count these in tables of `meanwhile`, if
 * it has any. The values may change at any moment: each is read once, and what is added is what has been written to
 * `copy`, which may be `values`. Return 0 if one of these is NaN, infinite or negative: then some are counted, and some
 * are not. */
typedef int (*historian_scanner)(historian_summary *, uint16_t *slots, double *copy, const double *values, size_t n,
                                 historian_meanwhile);

#if defined(__x86_64__) && defined(__GNUC__)
#include "bulk_avx2.h"
#include "bulk_avx512.h"
#include "bulk_sse2.h"

static historian_scanner historian_scan = historian_scan_sse2;

/* Choose the widest that the processor has and `widest` allows: "baseline", "avx2" or any other. Return its name. */
static const char *historian_choose_scan(const char *widest) {
    int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && strcmp(widest, "baseline") != 0;
    int avx512 = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                 __builtin_cpu_supports("avx512vl") && avx2 && strcmp(widest, "avx2") != 0;
    historian_loads_wide = avx2;
    historian_scan = avx512 ? historian_scan_avx512 : avx2 ? historian_scan_avx2 : historian_scan_sse2;
    return avx512 ? "avx512" : avx2 ? "avx2" : "baseline";
}
#elif defined(__aarch64__) && defined(__GNUC__)
#include "bulk_neon.h"

static historian_scanner historian_scan = historian_scan_neon;

static const char *historian_choose_scan(const char *widest) {
    int neon = strcmp(widest, "baseline") != 0;
    historian_scan = neon ? historian_scan_neon : historian_scan_plain;
    return neon ? "neon" : "baseline";
}
#else
static historian_scanner historian_scan = historian_scan_plain;

static const char *historian_choose_scan(const char *widest) {
    (void)widest;
    return "baseline";
}
#endif

#endif
