/* The live counters: their layout in memory, and how one value is recorded into them.
 *
 * C99 for gcc, clang and MSVC; no Python in here, so native code records through it without the GIL.
 * The buckets and the index formula are derived in buckets.py.
 */
#ifndef HISTORIAN_CELLS_H
#define HISTORIAN_CELLS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* ---- atomics: 64-bit; adds release, exchanges acquire, the rest is relaxed ------------------------------------------------------------------ */

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#define HISTORIAN_INLINE static __forceinline
#define HISTORIAN_COLD __declspec(noinline)
#define HISTORIAN_LIKELY(x) (x)
#define HISTORIAN_UNLIKELY(x) (x)
HISTORIAN_INLINE uint64_t historian_atomic_load(const uint64_t *p) { return *(const volatile uint64_t *)p; }
HISTORIAN_INLINE void historian_atomic_store(uint64_t *p, uint64_t n) { *(volatile uint64_t *)p = n; }
HISTORIAN_INLINE void historian_atomic_fence(void) { MemoryBarrier(); }
HISTORIAN_INLINE uint64_t historian_atomic_load_acquire(const uint64_t *p) {
    uint64_t n = historian_atomic_load(p);
    historian_atomic_fence();
    return n;
}
HISTORIAN_INLINE void historian_atomic_store_release(uint64_t *p, uint64_t n) {
#if defined(_M_IX86) || defined(_M_X64)
    _ReadWriteBarrier(); /* this processor keeps its stores in order; the compiler must, too */
#else
    historian_atomic_fence();
#endif
    historian_atomic_store(p, n);
}
HISTORIAN_INLINE void historian_atomic_add(uint64_t *p, uint64_t n) {
    _InterlockedExchangeAdd64((volatile __int64 *)p, (__int64)n);
}
HISTORIAN_INLINE uint64_t historian_atomic_exchange(uint64_t *p, uint64_t n) {
    return (uint64_t)_InterlockedExchange64((volatile __int64 *)p, (__int64)n);
}
/* Store `desired` if `*p == *expected`; otherwise put the present value into `*expected` and return 0. */
HISTORIAN_INLINE int historian_atomic_compare_exchange(uint64_t *p, uint64_t *expected, uint64_t desired) {
    uint64_t seen = (uint64_t)_InterlockedCompareExchange64((volatile __int64 *)p, (__int64)desired,
                                                            (__int64)*expected);
    int done = seen == *expected;
    *expected = seen;
    return done;
}
#else
#define HISTORIAN_INLINE static inline __attribute__((always_inline, unused))
#define HISTORIAN_COLD __attribute__((noinline, cold, unused))
#define HISTORIAN_LIKELY(x) __builtin_expect(!!(x), 1)
#define HISTORIAN_UNLIKELY(x) __builtin_expect(!!(x), 0)
HISTORIAN_INLINE uint64_t historian_atomic_load(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }
HISTORIAN_INLINE uint64_t historian_atomic_load_acquire(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
HISTORIAN_INLINE void historian_atomic_store(uint64_t *p, uint64_t n) { __atomic_store_n(p, n, __ATOMIC_RELAXED); }
HISTORIAN_INLINE void historian_atomic_store_release(uint64_t *p, uint64_t n) { __atomic_store_n(p, n, __ATOMIC_RELEASE); }
HISTORIAN_INLINE void historian_atomic_fence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
HISTORIAN_INLINE void historian_atomic_add(uint64_t *p, uint64_t n) { __atomic_fetch_add(p, n, __ATOMIC_RELEASE); }
HISTORIAN_INLINE uint64_t historian_atomic_exchange(uint64_t *p, uint64_t n) {
    return __atomic_exchange_n(p, n, __ATOMIC_ACQUIRE);
}
/* Store `desired` if `*p == *expected`; otherwise put the present value into `*expected` and return 0. */
HISTORIAN_INLINE int historian_atomic_compare_exchange(uint64_t *p, uint64_t *expected, uint64_t desired) {
    return __atomic_compare_exchange_n(p, expected, desired, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}
#endif

/* ---- layout ------------------------------------------------------------------------------------ */

/* A slot is a bucket's place in memory, in the order of values: 0 is the zero bucket, slot s in 1..6144 is the
 * bucket with index s - 2049, 6145 is the overflow bucket. */
#define HISTORIAN_BUCKETS 6144 /* 64 to the octave, 96 octaves: 2^-32 to 2^64 */
#define HISTORIAN_SLOTS (HISTORIAN_BUCKETS + 2)
#define HISTORIAN_ZERO_SLOT 0
#define HISTORIAN_OVERFLOW_SLOT (HISTORIAN_SLOTS - 1)
#define HISTORIAN_FIRST_INDEX (-2048) /* the index of slot 1 */

#define HISTORIAN_MAX_BITS 0x7fefffffffffffffULL  /* bits of the largest finite float64 */
#define HISTORIAN_TINY_BITS 0x3df0000000000000ULL /* bits of 2^-32, the top of the zero bucket */

/* All zeros is the empty state, so fresh memory from the kernel, or a fresh file, needs no set-up.
 * Values are never negative, and the bits of non-negative floats are ordered as the floats are. */
typedef struct {
    uint64_t sum;     /* bits of a float64 in [0, inf]; inf only if the true sum is beyond float64 */
    uint64_t compensation;    /* bits of a float64: what rounding has taken from `sum`, where it is kept; of no use if that is inf */
    uint64_t max;     /* bits of the largest value; 0 while there is none */
    uint64_t not_min; /* complement of the bits of the smallest value; 0 while there is none */
    uint64_t used;    /* 1 once anything has been recorded, for ever; while 0, a snapshot need not look */
    uint64_t reserved[3]; /* 0; rounds the header up to a cache line */
    uint64_t counts[HISTORIAN_SLOTS]; /* records in each slot, in [0, 2^63) */
} historian_counters;

/* A[cell] of the index formula, less the index of slot 1 at bit 46: see buckets.py, which derives it, and
 * tests/test_buckets.py, which checks it against integer arithmetic. */
static const uint64_t historian_offsets[128] = {
    0xc210000000000000ULL, 0xc2101365c1887f9fULL, 0xc210264f2cea7a8cULL, 0xc210200000000000ULL,
    0xc21038bae78a6438ULL, 0xc2104aa7930676f1ULL, 0xc210400000000000ULL, 0xc2105c13cd2c2e5eULL,
    0xc2106cfe2feda4afULL, 0xc210600000000000ULL, 0xc2107d655156d220ULL, 0xc2108d47c382ae85ULL,
    0xc210800000000000ULL, 0xc2109ca41490348bULL, 0xc210ab78ce974656ULL, 0xc210a00000000000ULL,
    0xc210b9c4779d732aULL, 0xc210c785918a9dc8ULL, 0xc210c00000000000ULL, 0xc210d4ba9a1d8323ULL,
    0xc210e1620ae0211fULL, 0xc210e00000000000ULL, 0xc210ed7a591bfcf5ULL, 0xc210e00000000000ULL,
    0xc210f901f5ce48ebULL, 0xc21103f74d9be901ULL, 0xc211000000000000ULL, 0xc2110e58c8c55635ULL,
    0xc211000000000000ULL, 0xc2111824cb1a6009ULL, 0xc2112159b3edcbdeULL, 0xc211200000000000ULL,
    0xc21129f5de08d1d6ULL, 0xc211200000000000ULL, 0xc21131f79f9e76d3ULL, 0xc211200000000000ULL,
    0xc211395d4a3ec330ULL, 0xc21140252ac9d5d9ULL, 0xc211400000000000ULL, 0xc211464d8962d359ULL,
    0xc211400000000000ULL, 0xc2114bd4a962b07eULL, 0xc211400000000000ULL, 0xc21150b8c94ad826ULL,
    0xc211400000000000ULL, 0xc21154f822b7abd7ULL, 0xc211400000000000ULL, 0xc2115890ea52deb8ULL,
    0xc211400000000000ULL, 0xc2115b814fc5aa7bULL, 0xc211400000000000ULL, 0xc2115dc77daadddbULL,
    0xc211400000000000ULL, 0xc2115f619980c433ULL, 0xc211604dc39ae5d1ULL, 0xc211600000000000ULL,
    0xc211608a1713a08cULL, 0xc211600000000000ULL, 0xc2116014a9bd9837ULL, 0xc211600000000000ULL,
    0xc211400000000000ULL, 0xc2115eeb8c14fe79ULL, 0xc211400000000000ULL, 0xc2115d0cc930b19eULL,
    0xc211400000000000ULL, 0xc2115a7666b331edULL, 0xc211400000000000ULL, 0xc211572664bb6d13ULL,
    0xc211400000000000ULL, 0xc211531abdd55f25ULL, 0xc211400000000000ULL, 0xc2114e5166ea88caULL,
    0xc211400000000000ULL, 0xc21148c84f323a1bULL, 0xc211400000000000ULL, 0xc211427d6021b1b0ULL,
    0xc211400000000000ULL, 0xc211200000000000ULL, 0xc2113b6e7d5c0f70ULL, 0xc211200000000000ULL,
    0xc211339984a21a9bULL, 0xc211200000000000ULL, 0xc2112afc4dc1daa3ULL, 0xc211200000000000ULL,
    0xc2112194aa860241ULL, 0xc211200000000000ULL, 0xc211000000000000ULL, 0xc211176066a52c53ULL,
    0xc211000000000000ULL, 0xc2110c5d47b0ea05ULL, 0xc211000000000000ULL, 0xc21100890d04a1b9ULL,
    0xc211000000000000ULL, 0xc210e00000000000ULL, 0xc210f3e16fb43e2eULL, 0xc210e00000000000ULL,
    0xc210e664227aad64ULL, 0xc210e00000000000ULL, 0xc210c00000000000ULL, 0xc210d80ed1a82eb5ULL,
    0xc210c00000000000ULL, 0xc210c8df23106f97ULL, 0xc210c00000000000ULL, 0xc210a00000000000ULL,
    0xc210b8d2b5f87684ULL, 0xc210a00000000000ULL, 0xc210a7e723045b79ULL, 0xc210a00000000000ULL,
    0xc210800000000000ULL, 0xc2109619fc24cd7bULL, 0xc210800000000000ULL, 0xc2108368cc8464a1ULL,
    0xc210800000000000ULL, 0xc210600000000000ULL, 0xc2106fd11874c00aULL, 0xc210600000000000ULL,
    0xc210400000000000ULL, 0xc2105b505d5b6f26ULL, 0xc210400000000000ULL, 0xc21045e4119ea5d9ULL,
    0xc210400000000000ULL, 0xc210200000000000ULL, 0xc2102f89a491bac0ULL, 0xc210200000000000ULL,
    0xc210000000000000ULL, 0xc210183e7e616f28ULL, 0xc210000000000000ULL, 0xc20fe00000000000ULL};

HISTORIAN_INLINE uint64_t historian_bits(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

HISTORIAN_INLINE double historian_double(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Bucket of a value, counted from slot 1. Anything exceptional (zero, tiny, huge, negative, infinite, NaN) comes
 * out at HISTORIAN_BUCKETS or above. */
HISTORIAN_INLINE uint64_t historian_bucket(uint64_t bits) {
    uint64_t b = bits - 1;
    return (b + historian_offsets[(b >> 45) & 127]) >> 46;
}

/* Slot of a finite value that is not negative. */
HISTORIAN_INLINE uint64_t historian_slot(uint64_t bits) {
    uint64_t bucket = historian_bucket(bits);
    if (HISTORIAN_UNLIKELY(bucket >= HISTORIAN_BUCKETS))
        return bits <= HISTORIAN_TINY_BITS ? HISTORIAN_ZERO_SLOT : HISTORIAN_OVERFLOW_SLOT;
    return bucket + 1;
}

/* ---- record ------------------------------------------------------------------------------------ */

HISTORIAN_INLINE void historian_atomic_max(uint64_t *p, uint64_t n) {
    uint64_t seen = historian_atomic_load(p);
    while (HISTORIAN_UNLIKELY(n > seen) && !historian_atomic_compare_exchange(p, &seen, n)) {
    }
}

/* Return a + b, rounded, and what rounding has taken from it, which is a float64, too (Knuth's two-sum). */
HISTORIAN_INLINE double historian_two_sum(double a, double b, double *compensation) {
    double sum = a + b, b_taken = sum - a, a_taken = sum - b_taken;
    *compensation = (a - a_taken) + (b - b_taken);
    return sum;
}

HISTORIAN_INLINE double historian_atomic_add_double(uint64_t *p, double value) {
    uint64_t seen = historian_atomic_load(p);
    double compensation;
    while (!historian_atomic_compare_exchange(p, &seen, historian_bits(historian_two_sum(historian_double(seen), value, &compensation)))) {
    }
    return compensation;
}

/* Others add to the sum, too; what rounding takes is let go, as keeping it needs a second atomic operation. */
HISTORIAN_INLINE void historian_add_sum_atomic(historian_counters *counters, double sum) {
    (void)historian_atomic_add_double(&counters->sum, sum);
}

/* Others add to the sum, too, and what rounding takes is kept: in a file, whose sums grow for ever, that matters. */
HISTORIAN_INLINE void historian_add_sum_atomic_compensated(historian_counters *counters, double sum, double compensation) {
    compensation += historian_atomic_add_double(&counters->sum, sum);
    if (compensation != 0 && compensation == compensation) (void)historian_atomic_add_double(&counters->compensation, compensation); /* NaN: the sum is infinite */
}

/* Count one value, from any thread of any process. The count comes last, and releases what comes before it: whoever sees
 * the count sees its share of the sum, too. */
HISTORIAN_INLINE void historian_count_summed(historian_counters *counters, uint64_t slot, uint64_t bits) {
    if (HISTORIAN_UNLIKELY(!historian_atomic_load(&counters->used))) historian_atomic_store(&counters->used, 1);
    historian_atomic_max(&counters->max, bits);
    historian_atomic_max(&counters->not_min, ~bits);
    historian_atomic_add(&counters->counts[slot], 1);
}

HISTORIAN_INLINE void historian_count_atomic(historian_counters *counters, uint64_t slot, uint64_t bits) {
    historian_add_sum_atomic(counters, historian_double(bits));
    historian_count_summed(counters, slot, bits);
}

HISTORIAN_INLINE void historian_count_atomic_compensated(historian_counters *counters, uint64_t slot, uint64_t bits) {
    historian_add_sum_atomic_compensated(counters, historian_double(bits), 0);
    historian_count_summed(counters, slot, bits);
}

HISTORIAN_INLINE void historian_add_sum_exclusive(historian_counters *counters, double value) {
    double sum = historian_double(historian_atomic_load(&counters->sum)), total = sum + value, compensation;
    /* Dekker's two-sum: cheaper than Knuth's where it is known which is larger, and the sum nearly always is. */
    compensation = HISTORIAN_UNLIKELY(sum < value) ? sum - (total - value) : value - (total - sum);
    historian_atomic_store(&counters->sum, historian_bits(total));
    historian_atomic_store(&counters->compensation, historian_bits(historian_double(historian_atomic_load(&counters->compensation)) + compensation));
}

/* Count one value in counters that nobody else writes to meanwhile, though others may read them. An atomic read-modify-write
 * costs about as much as the whole rest of a call from Python; a load and a store cost next to nothing. */
HISTORIAN_INLINE void historian_count_exclusive(historian_counters *counters, uint64_t slot, uint64_t bits) {
    if (HISTORIAN_UNLIKELY(bits > historian_atomic_load(&counters->max))) historian_atomic_store(&counters->max, bits);
    if (HISTORIAN_UNLIKELY(~bits > historian_atomic_load(&counters->not_min))) historian_atomic_store(&counters->not_min, ~bits);
    historian_add_sum_exclusive(counters, historian_double(bits));
    historian_atomic_store_release(&counters->counts[slot], historian_atomic_load(&counters->counts[slot]) + 1);
}

/* Record one value. Return 1, or 0 and change nothing if it is NaN, infinite or negative. */
#define HISTORIAN_RECORD(kind)                                                       \
    HISTORIAN_INLINE int historian_record_##kind(historian_counters *counters, double value) { \
        uint64_t bits = historian_bits(value), bucket = historian_bucket(bits);          \
        if (HISTORIAN_UNLIKELY(bucket >= HISTORIAN_BUCKETS)) {                           \
            bits = historian_bits(value + 0.0); /* -0.0 becomes 0.0 */                   \
            if (bits > HISTORIAN_MAX_BITS) return 0;                                     \
            historian_count_##kind(counters, historian_slot(bits), bits);                   \
            return 1;                                                                    \
        }                                                                                \
        historian_count_##kind(counters, bucket + 1, bits);                                 \
        return 1;                                                                        \
    }
HISTORIAN_RECORD(atomic)
HISTORIAN_RECORD(atomic_compensated)
HISTORIAN_RECORD(exclusive)

#endif
