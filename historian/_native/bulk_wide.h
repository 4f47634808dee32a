/* The scan of a chunk (see bulk_scan.h) in registers, without a table: a part of bulk_sse2.h, bulk_256.h and
 * bulk_neon.h, which define the names in capitals that are not defined here.
 *
 * The bucket formula is (b + A[cell]) >> 46 with b = bits - 1, in 64 bits. A is 2^52 (log2(1 + x) - x), where x is the
 * mantissa, as a fraction, up to rounding. So a polynomial of x is about as good as the table. It is computed in
 * float32, and only the upper 32 bits of b are used:
 *
 *     (upper(b) + p(upper(x))) >> 14
 *
 * The sum that is shifted is above what it should be, by 0 to 8 units of its last bit: tests/_native/test_scan.py
 * checks this for all 2^20 mantissas. So the result is wrong only if the 14 bits that are shifted out are below 8. One
 * value in 2,048 has such bits. A group that contains one is computed again, by the exact formula.
 */

#define DOUBLES NAME(historian_doubles)
#define LOADED NAME(historian_loaded)
#define LONGS NAME(historian_longs)
#define INTS NAME(historian_ints)
#define FLOATS NAME(historian_floats)
#define SHORTS NAME(historian_shorts)
#define STORED NAME(historian_stored)

typedef double DOUBLES __attribute__((vector_size(WIDTH)));
typedef double LOADED __attribute__((vector_size(WIDTH), aligned(8), may_alias));
typedef int64_t LONGS __attribute__((vector_size(WIDTH)));
typedef int32_t INTS __attribute__((vector_size(WIDTH)));
typedef float FLOATS __attribute__((vector_size(WIDTH)));
typedef int16_t SHORTS __attribute__((vector_size(WIDTH)));
typedef int16_t STORED __attribute__((vector_size(WIDTH), aligned(2), may_alias));

#define HORNER(coefficient) q = MULTIPLY_ADD(q, x, (FLOATS){0} + (float)(coefficient))

/* Return the slots of two registers of values, not yet shifted. */
TARGET HISTORIAN_INLINE INTS NAME(historian_estimate)(DOUBLES a, DOUBLES b) {
    const int64_t shifted = 1 - (int64_t)(HISTORIAN_UPPER_OFFSET << 32);
    INTS upper = UPPER_HALVES((LONGS)a - shifted, (LONGS)b - shifted);
    FLOATS x = TO_FLOATS(upper & (int32_t)(HISTORIAN_MANTISSA >> 32)), q = (FLOATS){0} + HISTORIAN_LOG2_6;
    HORNER(HISTORIAN_LOG2_5);
    HORNER(HISTORIAN_LOG2_4);
    HORNER(HISTORIAN_LOG2_3);
    HORNER(HISTORIAN_LOG2_2);
    HORNER(HISTORIAN_LOG2_1);
    HORNER(HISTORIAN_LOG2_0);
    return upper + TO_INTS(q);
}

/* Write the slots of four registers of values, in any order. `copy` holds these values. */
TARGET HISTORIAN_INLINE void NAME(historian_find_slots)(uint16_t *slots, const DOUBLES *values, const double *copy) {
    const int32_t mask = (1 << HISTORIAN_UPPER_SHIFT) - HISTORIAN_NEAR; /* of the bits that are all 0 if it is near */
    INTS a = NAME(historian_estimate)(values[0], values[1]), b = NAME(historian_estimate)(values[2], values[3]);
    SHORTS is_near = NARROW(a & mask, b & mask) == 0;
    SHORTS slot = NARROW(a >> HISTORIAN_UPPER_SHIFT, b >> HISTORIAN_UPPER_SHIFT);
    slot = MIN_SHORTS(MAX_SHORTS(slot, (SHORTS){0} + HISTORIAN_ZERO_SLOT), (SHORTS){0} + HISTORIAN_OVERFLOW_SLOT);
    *(STORED *)slots = slot;
    if (HISTORIAN_UNLIKELY(ANY_TRUE(is_near)))
        for (size_t k = 0; k < WIDTH / 2; k++) slots[k] = (uint16_t)historian_slot(historian_bits(copy[k]));
}

TARGET static int NAME(historian_scan)(historian_summary *summary, uint16_t *slots, double *copy, const double *values,
                                       size_t n, historian_meanwhile meanwhile) {
    /* Slots are counted some steps after they were stored: a narrow load too soon after a wide store waits for it. */
    enum { LANES = WIDTH / 8, STEP = 4 * LANES, DELAY = 4 * STEP };
    const int64_t upper_half = -((int64_t)1 << 26);
    size_t whole = n - n % STEP;
    DOUBLES upper = {0}, lower = {0}, min = (DOUBLES){0} + INFINITY, max = {0};
    historian_halves halves = {0, 0, INFINITY, 0};
    for (size_t i = 0; i < whole; i += STEP) {
        DOUBLES v[4], u[4];
        for (size_t k = 0; k < 4; k++) {
            v[k] = *(const volatile LOADED *)(values + i + k * LANES) + 0.0; /* -0.0 becomes 0.0 */
            *(LOADED *)(copy + i + k * LANES) = v[k];
            u[k] = (DOUBLES)((LONGS)v[k] & upper_half);
        }
        upper += (u[0] + u[1]) + (u[2] + u[3]);
        lower += ((v[0] - u[0]) + (v[1] - u[1])) + ((v[2] - u[2]) + (v[3] - u[3]));
        min = MIN_DOUBLES(min, MIN_DOUBLES(MIN_DOUBLES(v[0], v[1]), MIN_DOUBLES(v[2], v[3])));
        max = MAX_DOUBLES(max, MAX_DOUBLES(MAX_DOUBLES(v[0], v[1]), MAX_DOUBLES(v[2], v[3])));
        NAME(historian_find_slots)(slots + i, v, copy + i);
        if (meanwhile.counts) {
            historian_ask_ahead(meanwhile, i, STEP);
            if (i >= DELAY) historian_count_slots(meanwhile.counts, slots + i - DELAY, STEP);
        }
    }
    for (size_t lane = 0; lane < LANES; lane++) {
        halves.upper += upper[lane];
        halves.lower += lower[lane];
        halves.min = min[lane] < halves.min ? min[lane] : halves.min;
        halves.max = max[lane] > halves.max ? max[lane] : halves.max;
    }
    if (whole && !historian_add_halves(summary, &halves, copy, whole)) return 0;
    if (whole != n && !historian_scan_plain(summary, slots + whole, copy + whole, values + whole, n - whole,
                                            (historian_meanwhile){0}))
        return 0;
    if (meanwhile.counts) {
        size_t counted = whole > DELAY ? whole - DELAY : 0;
        historian_count_slots(meanwhile.counts, slots + counted, n - counted);
    }
    return 1;
}

#undef HORNER
#undef TARGET
#undef NAME
#undef WIDTH
#undef DOUBLES
#undef LOADED
#undef LONGS
#undef INTS
#undef FLOATS
#undef SHORTS
#undef STORED
#undef UPPER_HALVES
#undef TO_FLOATS
#undef TO_INTS
#undef MULTIPLY_ADD
#undef MIN_DOUBLES
#undef MAX_DOUBLES
#undef MIN_SHORTS
#undef MAX_SHORTS
#undef NARROW
#undef ANY_TRUE
